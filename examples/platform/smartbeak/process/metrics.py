"""What a process counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

disable_created_metrics()  # type: ignore[no-untyped-call] # the library has no types here

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Media type of what `Metrics.page` returns."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

_DELAYS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
"""Seconds; 900 is the objective for publishing."""

Refresh = Callable[[], Awaitable[None]]
"""Brings gauges up to date before they are shown; must not raise."""


@dataclass
class Metrics:
    """The metrics of one process."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    refreshers: list[Refresh] = field(default_factory=list)

    def __post_init__(self) -> None:
        registry = self.registry
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "http_requests", "Requests answered.", ("method", "route", "status"), registry=registry
        )
        self.request_seconds = Histogram(
            "http_request_duration_seconds",
            "Time to answer.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=registry,
        )
        self.dependency_up = Gauge(
            "dependency_up", "Whether the last use of it worked.", ("service",), registry=registry
        )
        self.pool = Gauge(
            "db_pool_connections", "Connections to PostgreSQL.", ("state",), registry=registry
        )
        self.queue_jobs = Gauge(
            "queue_jobs", "Jobs in a queue, as BullMQ counts.", ("queue", "state"),
            registry=registry,
        )  # fmt: skip
        self.queue_paused = Gauge(
            "queue_paused", "Whether a queue is paused.", ("queue",), registry=registry
        )
        self.publishing_jobs = Gauge(
            "publishing_jobs", "Publishing jobs in PostgreSQL.", ("status",), registry=registry
        )
        self.dead_letters = Gauge(
            "publishing_dlq_entries", "Dead letters.", ("region",), registry=registry
        )
        self.oldest = Gauge(
            "publishing_oldest_seconds", "Age of the oldest job that is not done.", ("region",),
            registry=registry,
        )  # fmt: skip
        self.delay = Histogram(
            "publishing_delay_seconds",
            "From the order of a job to its last attempt's end.",
            ("region", "outcome"),
            buckets=_DELAYS,
            registry=registry,
        )
        self.webhooks = Counter(
            "webhook_events", "Webhooks answered.", ("provider", "outcome"), registry=registry
        )
        self.circuit_open = Gauge(
            "circuit_open", "Whether a target is being left alone.", ("adapter", "target"),
            registry=registry,
        )  # fmt: skip
        self.circuit_closed = Counter(
            "circuit_closed", "Times a target worked again.", ("adapter", "target"),
            registry=registry,
        )  # fmt: skip
        self.circuit_failure = Counter(
            "circuit_failure", "Failures that count against a target.", ("adapter", "target"),
            registry=registry,
        )  # fmt: skip
        region = ("region",)
        self.jobs_started = Counter(
            "region_worker_job_started", "Attempts begun.", region, registry=registry
        )
        self.jobs_completed = Counter(
            "region_worker_job_completed", "Attempts that worked.", region, registry=registry
        )
        self.jobs_failed = Counter(
            "region_worker_job_failed", "Attempts that failed.", region, registry=registry
        )
        self.jobs_stalled = Counter(
            "region_worker_job_stalled", "Jobs taken from a worker that said nothing.", region,
            registry=registry,
        )  # fmt: skip
        self.in_flight = Gauge(
            "region_worker_in_flight", "Jobs in hand.", region, registry=registry
        )
        self.concurrency = Gauge(
            "region_worker_concurrency", "Jobs it may have in hand.", region, registry=registry
        )

    async def page(self) -> bytes:
        """All of them, as Prometheus reads them."""
        for refresh in self.refreshers:
            await refresh()
        return generate_latest(self.registry)


def show(gauge: Gauge, counts: Mapping[str, float], **labels: str) -> None:
    """Sets a gauge for each label value of `counts`.

    Args:
        gauge: Its last label tells the counts apart.
        counts: Value by that label.
        labels: The other labels.
    """
    for name, count in counts.items():
        gauge.labels(*labels.values(), name).set(count)
