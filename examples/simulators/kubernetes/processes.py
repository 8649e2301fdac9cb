"""One process of a pod, and what it is asked by probes."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path

_REDIRECTS = 10
"""So many within its host a probe follows, as a real one."""


class Process:
    """A running container.

    Args:
        argv: What runs.
        environment: All that it sees of its environment.
        log: Its output is appended there.
    """

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        with log.open("ab") as file:
            # Not beyond this simulator: a machine that dies takes its pods along.
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *argv],
                env=dict(environment), stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                start_new_session=True,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def status(self) -> int | None:
        """How it ended, as a shell would say it; None while it runs."""
        status = self._process.poll()
        return status if status is None or status >= 0 else 128 - status

    def memory(self) -> int:
        """Bytes of memory that it has in use."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")

    def end(self, grace_s: float) -> int:
        """Asks it to end, and ends it after `grace_s` seconds."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        return self.status() or 0

    def kill(self) -> int:
        """Ends it at once."""
        self._process.kill()
        self._process.wait()
        return self.status() or 0


def asked(host: str, port: int, path: str) -> tuple[int, None, str]:
    """Status and text of what a process answers.

    Raises:
        OSError: Nobody does.
    """
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, None, response.read().decode(errors="replace")
    except http.client.HTTPException as error:
        raise OSError(type(error).__name__) from error
    finally:
        connection.close()


def answers(host: str, port: int, path: str, timeout_s: float) -> str:
    """Why an HTTP probe fails; empty where it does not."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        status, moved = 0, 0
        while not status or (300 <= status < 400 and moved <= _REDIRECTS):
            connection.request("GET", path, headers={"User-Agent": "kube-probe/1.29"})
            response = connection.getresponse()
            response.read()
            status, moved = response.status, moved + 1
            where = urllib.parse.urlsplit(response.headers.get("location", ""))
            if where.netloc or not where.path:
                break  # to another host: success enough for a real one
            path = where.path
    except (OSError, http.client.HTTPException) as error:
        return str(getattr(error, "strerror", None) or error or type(error).__name__)
    finally:
        connection.close()
    return "" if 200 <= status < 400 else f"HTTP probe failed with statuscode: {status}"
