"""The docker command line, with errors that say what to do.

The compose backend speaks to the engine through the same two commands a reader
has, `docker` and `docker compose`; nothing of the caller's compose settings
(`COMPOSE_FILE` and the like) comes in.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from drillbook.errors import HarnessError

MINIMUM_ENGINE, MINIMUM_COMPOSE = (20, 10), (2, 20)
"""Debian 12's engine; the first compose with `up --wait-timeout`."""

_SETUP = "`.ci/docker` installs and starts what is missing on Debian; or use --backend local"
_TIMEOUT_S = 60.0
_KEPT = re.compile(r"PATH|HOME|XDG_RUNTIME_DIR|DOCKER_(HOST|CONTEXT|CONFIG|CERT_PATH|TLS_VERIFY)")


class Docker:
    """Runs docker commands.

    Args:
        environ: The caller's environment; only what finds the engine is kept of it.
        program: The docker command.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ, *, program: str = "docker") -> None:
        self.environ = {key: value for key, value in environ.items() if _KEPT.fullmatch(key)}
        self.program = program

    def check(self) -> None:
        """Makes sure that an engine and a compose answer that are new enough.

        Raises:
            HarnessError: `no-engine`, `no-permission` or `engine-too-old`.
        """
        answer = self.call("version", "--format", "{{json .}}")
        if answer.returncode != 0:
            raise _refusal(answer.stderr)
        server = json.loads(answer.stdout).get("Server") or {}
        _require("the Docker engine", server.get("Version", ""), MINIMUM_ENGINE)
        compose = self.call("compose", "version", "--short")
        if compose.returncode != 0:
            raise HarnessError(
                "engine-too-old",
                "this docker has no `docker compose` (version 2); `docker-compose` 1 is not enough",
                hint=_SETUP,
            )
        _require("docker compose", compose.stdout, MINIMUM_COMPOSE)

    def call(
        self,
        *arguments: str,
        timeout_s: float = _TIMEOUT_S,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end, whatever its status.

        Args:
            arguments: Everything after `docker`.
            timeout_s: Seconds after which it is ended.
            env: Variables for this command on top of the others.

        Raises:
            HarnessError: `no-engine` when there is no docker command,
                `engine-silent` when it did not end in time.
        """
        argv = [self.program, *arguments]
        try:
            # A session of its own: at Ctrl-C we take things down in order, and a
            # compose that had the same signal would get in the way.
            return subprocess.run(
                argv, env={**self.environ, **(env or {})}, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, errors="backslashreplace",
                timeout=timeout_s, start_new_session=True, check=False,
            )  # fmt: skip
        except FileNotFoundError:
            raise HarnessError(
                "no-engine", f"the command {self.program!r} is not on this machine", hint=_SETUP
            ) from None
        except subprocess.TimeoutExpired:
            raise HarnessError(
                "engine-silent", f"`{' '.join(argv[:3])} ...` did not end within {timeout_s:g} s"
            ) from None

    def must(self, *arguments: str, timeout_s: float = _TIMEOUT_S) -> str:
        """Runs a command that has to succeed; returns what it printed.

        Raises:
            HarnessError: `engine-refused` with the engine's own words.
        """
        answer = self.call(*arguments, timeout_s=timeout_s)
        if answer.returncode != 0:
            words = last_lines(answer.stderr.strip() or answer.stdout.strip())
            raise HarnessError(
                "engine-refused",
                f"`docker {' '.join(arguments[:2])}`: status {answer.returncode}\n{words}",
            )
        return answer.stdout

    def inspect(self, kind: str, names: Sequence[str]) -> list[dict[str, Any]]:
        """What the engine knows of these objects; those that are gone are left out."""
        if not names:
            return []
        answer = self.call("inspect", "--type", kind, *names)
        found: list[dict[str, Any]] = json.loads(answer.stdout or "[]")
        return found


def last_lines(text: str, count: int = 15) -> str:
    """The end of a text, indented for a message."""
    return "\n".join(f"    {line}" for line in text.splitlines()[-count:])


def _refusal(words: str) -> HarnessError:
    if "permission denied" in words.lower():
        return HarnessError(
            "no-permission",
            f"the Docker engine refuses this user:\n{last_lines(words.strip(), 3)}",
            hint="add the user to the group docker (it is as powerful as root) and log in again, "
            "or use --backend local",
        )
    return HarnessError(
        "no-engine", f"no Docker engine answers:\n{last_lines(words.strip(), 3)}", hint=_SETUP
    )


def _require(what: str, version: str, minimum: tuple[int, ...]) -> None:
    found = re.search(r"(\d+)\.(\d+)", version)
    if not found or (int(found[1]), int(found[2])) < minimum:
        raise HarnessError(
            "engine-too-old",
            f"{what} is {version.strip() or 'of unknown version'}; "
            f"{'.'.join(map(str, minimum))} or later is needed",
            hint=_SETUP,
        )
