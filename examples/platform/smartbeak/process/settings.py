"""Settings of a process: read from its environment once, when it starts."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

ROLES = ("api", "web", "worker")
"""Names of the processes."""

HOME_REGION = "us-east-1"
"""The region that a target is in unless it says otherwise."""

_PORTS = {"api": 3001, "web": 3000, "worker": 9464}
_LEVELS = ("debug", "info", "warn", "error", "fatal")
_SHORTEST_KEY = 32

# What people leave in a file that they copied from a template.
_PLACEHOLDER = re.compile(
    r"\b(placeholder|xxx|example|test|demo|fake|mock|invalid|null)\b|\byour[_-]", re.IGNORECASE
)

_APP_URL = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")
_FOLDER = re.compile(r"file://(/[A-Za-z0-9._/-]+)")
_ENDPOINT = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?")

_SECRETS: Mapping[str, tuple[str, ...]] = {
    "api": ("JWT_KEY_1", "JWT_KEY_2"),
    "web": ("STRIPE_WEBHOOK_SECRET", "PADDLE_WEBHOOK_SECRET", "CLERK_WEBHOOK_SECRET"),
    "worker": ("WORDPRESS_APP_PASSWORD", "LINKEDIN_TOKEN"),
}

# Name, what it is without a value, least, most.
_NUMBERS: Mapping[str, tuple[int, int, int]] = {
    "DB_POOL_SIZE": (20, 1, 100),
    "JOB_WORKER_CONCURRENCY": (5, 1, 100),
    "JOB_MAX_RETRIES": (3, 0, 20),
    "JOB_RETRY_DELAY_MS": (1000, 100, 60_000),
    "JOB_DEFAULT_TIMEOUT_MS": (300_000, 1000, 3_600_000),
    "JOB_KEEP_COMPLETED": (100, 0, 100_000),
    "JOB_KEEP_FAILED": (50, 0, 100_000),
    "JOB_WORKER_RATE_LIMIT_MAX": (100, 1, 10_000),
    "JOB_WORKER_RATE_LIMIT_DURATION_MS": (1000, 100, 60_000),
    "JOB_STALLED_INTERVAL_MS": (300_000, 100, 3_600_000),
    "JOB_LOCK_DURATION_MS": (30_000, 500, 3_600_000),
    "PUBLISHING_CIRCUIT_FAILURE_THRESHOLD": (5, 1, 100),
    "PUBLISHING_CIRCUIT_RESET_MS": (30_000, 1000, 600_000),
    "PUBLISHING_CIRCUIT_HALF_OPEN_MAX": (3, 1, 50),
}

_STORAGE = ("STORAGE_BUCKET", "STORAGE_ACCESS_KEY_ID", "STORAGE_SECRET_ACCESS_KEY")

VARIABLES = frozenset(
    {
        *("NODE_ENV", "LOG_LEVEL", "SERVICE_NAME", "CONTROL_PLANE_DB", "REDIS_URL", "HOST", "PORT"),
        *("OTEL_EXPORTER_OTLP_ENDPOINT", "NEXT_PUBLIC_APP_URL", "STRIPE_SECRET_KEY"),
        *("JWT_AUDIENCE", "JWT_ISSUER", "API_LEGACY_PATH_MODE", "ENABLE_RATE_LIMITING"),
        *("WORKER_REGION", *_NUMBERS, *_STORAGE, "STORAGE_REGION", "STORAGE_ENDPOINT"),
        *(name for names in _SECRETS.values() for name in names),
    }
)
"""Every variable that a process reads."""


class SettingsError(Exception):
    """Settings with which the process cannot start; says all that is wrong at once."""


@dataclass(frozen=True)
class Settings:
    """What a process was told when it started."""

    role: str
    """`api`, `web` or `worker`."""

    service: str
    """Name of the process in its logs."""

    environment: str
    """NODE_ENV; `production` on the stack."""

    level: str
    """Least severe level that is logged."""

    host: str
    """Name or address it listens on."""

    port: int
    """Where it serves HTTP; a worker only says there how it is."""

    database: str
    """Address of PostgreSQL; the password comes from PGPASSFILE."""

    redis: str
    """Address of Redis."""

    pool_size: int
    """Most connections to PostgreSQL at once."""

    jwt_keys: tuple[str, ...]
    """The key that signs, then the one that is only still accepted."""

    jwt_audience: str
    """Whom a token must be for."""

    jwt_issuer: str
    """Who must have made it."""

    legacy_paths: str
    """What becomes of paths without /v1: `redirect`, `rewrite` or `off`."""

    limited: bool
    """Whether users may make only so many requests a minute."""

    region: str
    """Region whose queue a worker serves."""

    jobs: Jobs
    """How jobs are tried."""

    secrets: Mapping[str, str]
    """Webhook secrets and credentials for targets, by variable."""

    bucket: Bucket | None
    """Where media is kept; None if the process was not told."""

    traces: str = ""
    """Folder for its spans; without one it makes none."""

    app_url: str = "http://localhost:3000"
    """Where users are: `http` or `https` and a host."""

    stripe_key: str = field(default="", repr=False)
    """Key of Stripe's API; empty where the process was not told."""


@dataclass(frozen=True)
class Bucket:
    """A bucket of an object storage, and as whom to sign for it."""

    name: str
    """Its name."""

    region: str
    """The region that a signature names."""

    endpoint: str
    """Address of the storage, `https://` and a host; empty for that of AWS."""

    key_id: str
    """Id of the key."""

    secret: str = field(repr=False)
    """The key."""


@dataclass(frozen=True)
class Jobs:
    """How publishing jobs are queued, tried and kept. Times in milliseconds."""

    concurrency: int
    """Jobs that one worker has in hand at once."""

    attempts: int
    """How often a job is tried."""

    retry_delay_ms: int
    """Wait before the second attempt; it doubles with each further one."""

    timeout_ms: int
    """Longest that one attempt may take."""

    keep_completed: int
    """Finished jobs that stay in the queue's records."""

    keep_failed: int
    """Failed jobs that stay in the queue's records."""

    rate_max: int
    """Jobs that the workers of a queue may begin in `rate_duration_ms`."""

    rate_duration_ms: int
    """See `rate_max`."""

    stalled_interval_ms: int
    """How often jobs are looked for whose worker is gone."""

    lock_duration_ms: int
    """How long a worker that says nothing still owns its job."""

    circuit_threshold: int
    """Failures in a row after which a target is left alone."""

    circuit_reset_ms: int
    """How long it is left alone."""

    circuit_probes: int
    """Attempts that are let through then, to see whether it works again."""


def load(environ: Mapping[str, str], role: str) -> Settings:
    """The settings of a process.

    Args:
        environ: Its environment.
        role: `api`, `web` or `worker`.

    Raises:
        SettingsError: A variable is missing, a placeholder, or not what it must be.
    """
    wrong: list[str] = []
    for name in ("NODE_ENV", "LOG_LEVEL", "CONTROL_PLANE_DB", "REDIS_URL"):
        if not environ.get(name, "").strip():
            wrong.append(f"{name} is not set")
    wrong += [_trouble(name, environ.get(name, "")) for name in _SECRETS[role]]
    if role == "api":
        wrong += _key_troubles(environ)
    numbers = {name: _number(environ, name, wrong) for name in _NUMBERS}
    level = _choice(environ, "LOG_LEVEL", _LEVELS, "info", wrong)
    legacy = _choice(
        environ, "API_LEGACY_PATH_MODE", ("redirect", "rewrite", "off"), "redirect", wrong
    )
    limited = _choice(environ, "ENABLE_RATE_LIMITING", ("true", "false"), "true", wrong)
    bucket = _bucket(environ, wrong) if role == "api" else None
    traces = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    folder = _FOLDER.fullmatch(traces)
    if traces and not folder:
        wrong.append(f"OTEL_EXPORTER_OTLP_ENDPOINT is {traces!r}, not file:// and a folder")
    app_url = environ.get("NEXT_PUBLIC_APP_URL", "").rstrip("/") or "http://localhost:3000"
    if not _APP_URL.fullmatch(app_url):
        wrong.append(f"NEXT_PUBLIC_APP_URL is {app_url!r}, not http:// or https:// and a host")
    stripe_key = environ.get("STRIPE_SECRET_KEY", "")
    if stripe_key and not stripe_key.startswith(("sk_", "rk_")):
        wrong.append("STRIPE_SECRET_KEY begins with neither sk_ nor rk_")
    port = environ.get("PORT") or str(_PORTS[role])
    if not port.isdecimal() or int(port) > 65535:
        wrong.append(f"PORT is {port!r}, not a port")
        port = "0"
    if wrong := [each for each in wrong if each]:
        raise SettingsError("; ".join(wrong))
    return Settings(
        role=role,
        service=environ.get("SERVICE_NAME") or f"smartbeak-{role}",
        environment=environ["NODE_ENV"],
        level=level,
        host=environ.get("HOST") or environ.get("HOSTNAME") or socket.gethostname(),
        port=int(port),
        database=environ["CONTROL_PLANE_DB"],
        redis=environ["REDIS_URL"],
        pool_size=numbers["DB_POOL_SIZE"],
        jwt_keys=tuple(environ.get(name, "") for name in _SECRETS["api"]),
        jwt_audience=environ.get("JWT_AUDIENCE") or "smartbeak",
        jwt_issuer=environ.get("JWT_ISSUER") or "smartbeak-api",
        legacy_paths=legacy,
        limited=limited == "true",
        region=environ.get("WORKER_REGION") or HOME_REGION,
        jobs=_jobs(numbers),
        secrets={name: environ.get(name, "") for name in (*_SECRETS["web"], *_SECRETS["worker"])},
        bucket=bucket,
        traces=folder[1] if folder else "",
        app_url=app_url,
        stripe_key=stripe_key,
    )


def _bucket(environ: Mapping[str, str], wrong: list[str]) -> Bucket | None:
    """The bucket of media: nothing of it is set, or all that it needs."""
    endpoint = environ.get("STORAGE_ENDPOINT", "").rstrip("/")
    if not any(environ.get(name) for name in _STORAGE):
        return None
    wrong += [_trouble(name, environ.get(name, "")) for name in _STORAGE]
    if endpoint and not _ENDPOINT.fullmatch(endpoint):
        wrong.append(f"STORAGE_ENDPOINT is {endpoint!r}, not https:// and a host")
    name, key_id, secret = (environ.get(variable, "") for variable in _STORAGE)
    region = environ.get("STORAGE_REGION") or HOME_REGION
    return Bucket(name, region, endpoint, key_id, secret)


def _jobs(numbers: Mapping[str, int]) -> Jobs:
    return Jobs(
        concurrency=numbers["JOB_WORKER_CONCURRENCY"],
        attempts=max(numbers["JOB_MAX_RETRIES"], 1),
        retry_delay_ms=numbers["JOB_RETRY_DELAY_MS"],
        timeout_ms=numbers["JOB_DEFAULT_TIMEOUT_MS"],
        keep_completed=numbers["JOB_KEEP_COMPLETED"],
        keep_failed=numbers["JOB_KEEP_FAILED"],
        rate_max=numbers["JOB_WORKER_RATE_LIMIT_MAX"],
        rate_duration_ms=numbers["JOB_WORKER_RATE_LIMIT_DURATION_MS"],
        stalled_interval_ms=numbers["JOB_STALLED_INTERVAL_MS"],
        lock_duration_ms=numbers["JOB_LOCK_DURATION_MS"],
        circuit_threshold=numbers["PUBLISHING_CIRCUIT_FAILURE_THRESHOLD"],
        circuit_reset_ms=numbers["PUBLISHING_CIRCUIT_RESET_MS"],
        circuit_probes=numbers["PUBLISHING_CIRCUIT_HALF_OPEN_MAX"],
    )


def _trouble(name: str, value: str) -> str:
    """What is wrong with a secret; empty if nothing is. Never says the value."""
    if not value.strip():
        return f"{name} is not set"
    if len(value) < 3 or _PLACEHOLDER.search(value):
        return f"{name} is a placeholder"
    return ""


def _key_troubles(environ: Mapping[str, str]) -> list[str]:
    keys = {name: environ.get(name, "") for name in _SECRETS["api"]}
    short = [
        f"{name} has fewer than {_SHORTEST_KEY} characters"
        for name, value in keys.items()
        if 0 < len(value) < _SHORTEST_KEY
    ]
    first, second = keys.values()
    return [*short, "JWT_KEY_2 is the same as JWT_KEY_1" if first and first == second else ""]


def _number(environ: Mapping[str, str], name: str, wrong: list[str]) -> int:
    default, least, most = _NUMBERS[name]
    value = environ.get(name) or str(default)
    if not value.isdecimal() or not value.isascii() or not least <= int(value) <= most:
        wrong.append(f"{name} is {value!r}, not a number from {least} to {most}")
        return default
    return int(value)


def _choice(
    environ: Mapping[str, str], name: str, choices: tuple[str, ...], default: str, wrong: list[str]
) -> str:
    value = environ.get(name) or default
    if value not in choices:
        wrong.append(f"{name} is {value!r}, not one of {', '.join(choices)}")
        return default
    return value
