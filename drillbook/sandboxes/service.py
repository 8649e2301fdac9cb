"""A service of the stack: a process, and a host on which snippets may be typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder that a service sees."""

    source: str
    """Name of a volume, or an absolute path of the machine for a bind."""

    target: str
    volume: bool
    """Whether `source` names a volume."""


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """The command that tells when a service serves."""

    test: tuple[str, ...]
    interval_s: float
    timeout_s: float
    patience_s: float
    """Seconds until a service that never turned healthy is given up:
    start period and all retries."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service, which is also a host on which snippets may be typed."""

    name: str
    names: tuple[str, ...]
    """Every name under which others reach it."""

    command: tuple[str, ...] = ()
    """Empty for a host without a server."""

    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    healthcheck: Healthcheck | None = None
    needs: tuple[str, ...] = ()
    working_dir: str = ""
    setup: tuple[str, ...] = ()
    """Command that makes the host ready, run once as the service user."""

    certificate: tuple[str, ...] = ()
    """Names in the host's certificate; empty for a host that has none."""

    pidfile: str = ""
    stop_first: bool = False
    """Whether it is stopped before all others: it would act on their absence."""

    log: str = ""
    versions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Command that prints a server's version, by server name."""

    programs: tuple[str, ...] = ()
    """Programs that a stack with this service has on its hosts' PATH, by the names of
    the stack's `programs`; those of `versions` are among them."""

    simulated: bool = False
    noticed_by: str = ""
    """Oracle that decides whether users are served when the service is gone; `nobody` where
    they can do without it, empty where the stack does not say."""

    shown_as: str = ""
    """The service user where a page says it beside the host; empty where it needs no saying."""

    unknown: str = ""
    """File of a simulated service: for each request that it does not simulate a line of JSON
    with `method` and `path`."""

    registry: bool = False
    """Whether it hands out the packages of the stack's `npm-mirror`."""

    @property
    def volumes(self) -> tuple[str, ...]:
        """Names of the volumes that it sees."""
        return tuple(mount.source for mount in self.mounts if mount.volume)


@dataclass(frozen=True, slots=True)
class User:
    """The service user."""

    name: str = "service"
    home: str = "/home/service"
