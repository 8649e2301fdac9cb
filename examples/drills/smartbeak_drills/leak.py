"""A forgotten worker: takes connection after connection and never gives one back.

    python3 -m smartbeak_drills.leak --config FILE --host HOST --name NAME

The client behind the fault `exhaust`. It opens idle sessions as the platform's role.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence

from smartbeak_drills.clients import arguments, ended_by_signal
from smartbeak_drills.hoard import hoard
from smartbeak_drills.session import Session, SessionError, conninfo
from smartbeak_drills.settings import read_address

_AGAIN_S = 0.1
_MOST = 500


def leak(address: str, stop: threading.Event) -> None:
    """Holds sessions until `stop` is set.

    Args:
        address: Connection string.
        stop: Ends it all.

    Raises:
        SessionError: Not even one session came about.
    """
    hoard(lambda: Session(address, timeout_s=30.0), stop, most=_MOST, again_s=_AGAIN_S)


def main(argv: Sequence[str] | None = None) -> int:
    """Leaks connections until SIGTERM; returns the exit status."""
    options = arguments("leak", __doc__, "database host").parse_args(argv)
    stop = ended_by_signal()
    try:
        address = read_address(options.config)
        leak(conninfo(address, host=options.host, application_name=options.name), stop)
    except SessionError as error:
        print(f"leak: {error.text}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
