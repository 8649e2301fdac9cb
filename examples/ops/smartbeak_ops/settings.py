"""Where the platform's parts are: names of the stack, and what platform.env says."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path

from smartbeak_ops.refusal import RefusedError

FILE = Path("/etc/smartbeak/platform.env")
"""The platform's settings; a process of it reads them once, when it starts."""

SECRETS = Path("/run/secrets")
"""Secrets that the stack began with."""

STORE = Path("/etc/smartbeak/secrets")
"""Secrets that were rotated: they go before the first ones."""

DATABASES = ("db-1", "db-2")
"""The pair of database hosts; either may be primary."""

DATABASE_PORT, REDIS_PORT, REDIS_NUMBER = "5432", "6379", "0"
"""Where the servers of both pairs listen, and which of Redis' numbered databases is used."""

ROLE = "smartbeak"
"""The role as which the platform logs in to its database."""

RDS = ".rds.amazonaws.com"
"""End of every name of an endpoint of Amazon's managed databases."""

REDISES = ("redis-1", "redis-2")
"""The pair of Redis hosts; either may be master."""

SENTINELS = ("sentinel-1", "sentinel-2", "sentinel-3")

SENTINEL_PORT = 26379

PAIR = "smartbeak"
"""What the sentinels call the pair of Redis hosts."""

HOME_REGION = "us-east-1"

REGIONS = (HOME_REGION, "eu-west-1")
"""The regions that have a worker, where PostgreSQL cannot be asked which."""

PROCESSES = ("api", "web", "worker", "worker-eu")
"""Hosts with a process of the platform that has a pool of connections."""

API = "http://api:3001"

WEB = "http://web:3000"

WORKER_PORT = 9464

STRIPE = "api.stripe.com"
"""Who takes most customers' money."""

MIGRATIONS = Path("/opt/smartbeak/platform/migrations/sql")
"""The migrations of the release, in the checkout."""

CHECKOUT = Path.home() / "release"
"""A release's own checkout on the operator's machine."""

RELEASE = CHECKOUT / "migrations/sql"
"""Migrations of another release: one that is taken back, or that runs."""

PACKAGES = Path("/opt/node_modules")
"""Packages that the platform runs with."""

LOCK = Path("/opt/smartbeak/platform/package-lock.json")
"""The lock of the release that the platform runs."""

TAG = "SMARTBEAK_RELEASE"
"""Setting that names the release that runs, where it is not the one of `MIGRATIONS`."""

_DATABASE = re.compile(r"^postgres(?:ql)?://[^@/]*@([^:/@]+)(?::(\d+))?/(\w+)(?:\?.*)?$")
_REDIS = re.compile(r"^rediss?://(?:[^@/]*@)?([^:/@]+)(?::(\d+))?(?:/(\d+))?$")


@dataclass(frozen=True, slots=True)
class Settings:
    """What platform.env says.

    Attributes:
        values: Every setting, by name.
    """

    values: dict[str, str]

    @property
    def database(self) -> str:
        """Address of the platform's database; may hold a password: never print it."""
        return self.values.get("CONTROL_PLANE_DB", "")

    @property
    def redis(self) -> str:
        """Address of the platform's Redis; may hold a password: never print it."""
        return self.values.get("REDIS_URL", "")

    @property
    def managed(self) -> str:
        """Name of the managed database's endpoint; empty where the platform runs its own."""
        found = _DATABASE.match(self.database)
        return found[1] if found is not None and found[1].endswith(RDS) else ""

    @property
    def primary(self) -> str:
        """The database host that the platform's address names.

        Raises:
            RefusedError: It names another one than those of the pair.
        """
        found = _DATABASE.match(self.database)
        if found is None or found[1] not in DATABASES or found[2] not in (None, DATABASE_PORT):
            raise RefusedError(
                f"the platform's address ends in {_end(self.database)}, not in this pair"
            )
        return found[1]

    @property
    def replica(self) -> str:
        """The other database host."""
        return other(self.primary, DATABASES)

    @property
    def master(self) -> str:
        """The Redis host that the platform's address names.

        Raises:
            RefusedError: It names another one than those of the pair, another port, or another
                of its numbered databases: the processes' keys are not there.
        """
        found = _REDIS.match(self.redis)
        if (
            found is None
            or found[1] not in REDISES
            or found[2] not in (None, REDIS_PORT)
            or found[3] not in (None, REDIS_NUMBER)
        ):
            raise RefusedError(
                f"the platform's address ends in {_end(self.redis)}, not in this pair"
            )
        return found[1]


def read(file: Path = FILE) -> Settings:
    """Reads platform.env.

    Raises:
        RefusedError: It is not there: this host is none of the operator's or the platform's.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise RefusedError(f"{file} cannot be read ({error.strerror}): type this on ops") from error
    pairs = (line.split("=", 1) for line in text.splitlines() if _is_setting(line))
    return Settings({name.strip(): value.strip() for name, value in pairs})


def other(host: str, pair: tuple[str, str]) -> str:
    """The host beside this one.

    Raises:
        RefusedError: The pair has no such host.
    """
    if host not in pair:
        raise RefusedError(f"{host} is none of {' and '.join(pair)}")
    return pair[1] if host == pair[0] else pair[0]


def here() -> str:
    """Name of this host."""
    return os.environ.get("HOSTNAME") or socket.gethostname()


def known(host: str) -> bool:
    """Whether the name leads anywhere from here."""
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True


def worker_of(region: str) -> str:
    """Host of a region's worker."""
    return "worker" if region == HOME_REGION else f"worker-{region.split('-')[0]}"


def queue_of(region: str) -> str:
    """Name of a region's queue."""
    return "publishing" if region == HOME_REGION else f"publishing-{region}"


def _is_setting(line: str) -> bool:
    return "=" in line and not line.lstrip().startswith("#")


def _end(address: str) -> str:
    """The part of an address that holds no password."""
    return address.rpartition("@")[2].rpartition("//")[2] or "nothing"


def secret(name: str) -> Path:
    """Where a secret stands now.

    Args:
        name: Name of its file, e.g. `jwt-key-1`.
    """
    rotated = STORE / name
    return rotated if rotated.exists() else SECRETS / name
