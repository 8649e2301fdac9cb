"""One address that floods the API and guesses tokens, from the host `abroad`.

    python3 -m smartbeak_drills.flood

Asks the API's public name some forty times a second, each time with another made-up token, from
the host's own address. Prints `floods` once a hundred guesses were answered.
"""

from __future__ import annotations

import contextlib
import http.client
import secrets
import socket
import ssl
import sys
import threading
from urllib.parse import urlsplit

from smartbeak_drills.clients import ended_by_signal
from smartbeak_drills.places import ABROAD, PUBLIC_URL
from smartbeak_drills.users.calls import AUTHORITY

_AT_ONCE = 4
_PAUSE_S = 0.09
_TIMEOUT_S = 5.0
_SAID_AFTER = 100


class Flood:
    """Guesses until it is told to stop."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._source = socket.gethostbyname(ABROAD)
        self._tls = ssl.create_default_context(cafile=AUTHORITY)
        self._lock = threading.Lock()
        self._answered = 0
        self.heard = threading.Event()

    def guess(self) -> None:
        """Asks again and again, whatever is answered."""
        connection = self._connection()
        while not self._stop.wait(_PAUSE_S):
            try:
                token = f"{secrets.token_urlsafe(12)}.{secrets.token_urlsafe(48)}.x"
                headers = {"Authorization": f"Bearer {token}"}
                connection.request("GET", "/v1/content", headers=headers)
                connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                connection.close()
                continue
            with self._lock:
                self._answered += 1
                if self._answered >= _SAID_AFTER:
                    self.heard.set()
        connection.close()

    def _connection(self) -> http.client.HTTPSConnection:
        name = urlsplit(PUBLIC_URL).hostname or ""
        return http.client.HTTPSConnection(
            name, timeout=_TIMEOUT_S, context=self._tls, source_address=(self._source, 0)
        )


def main() -> int:
    """Floods until SIGTERM; returns the exit status."""
    stop = ended_by_signal()
    flood = Flood(stop)
    for _ in range(_AT_ONCE):
        threading.Thread(target=flood.guess, daemon=True).start()
    while not stop.is_set() and not flood.heard.wait(0.1):
        pass
    with contextlib.suppress(BrokenPipeError):
        print("floods", flush=True)
    stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
