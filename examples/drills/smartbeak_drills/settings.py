"""What the platform's own configuration says; read as its processes read it."""

from __future__ import annotations

from pathlib import Path

from smartbeak_drills.places import STORE
from smartbeak_drills.session import SessionError

DATABASE = "CONTROL_PLANE_DB"
REDIS = "REDIS_URL"


def read_address(config: Path) -> str:
    """The database address in the platform's configuration.

    Raises:
        SessionError: There is none.
    """
    return read(config, DATABASE)


def read(config: Path, variable: str) -> str:
    """A setting of the platform's configuration.

    Args:
        config: The file, lines of KEY=VALUE; the last line that sets it counts.
        variable: Its name.

    Raises:
        SessionError: It is not there.
    """
    try:
        lines = config.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SessionError(f"{config}: {error}", seen=False) from error
    for line in reversed(lines):
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and name.strip() == variable:
            return value.strip().strip("\"'")
    raise SessionError(f"{config} has no {variable}", seen=False)


def secret(first: Path) -> Path:
    """Where a secret stands now: in the store once it was rotated.

    Args:
        first: The file that the stack began with.
    """
    rotated = STORE / first.name
    return rotated if rotated.exists() else first
