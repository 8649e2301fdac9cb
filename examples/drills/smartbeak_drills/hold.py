"""A session that took a lock and was left open: who wants the table waits.

    python3 -m smartbeak_drills.hold --config FILE --host HOST --name NAME --table TABLE
        [--snapshot]

The client behind the faults `hold-lock` and `leave-session`. It prints `held` once it has the
lock, or with `--snapshot` once it has read the table and keeps what it saw, until its session
is ended by the server or it gets SIGTERM.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from smartbeak_drills.clients import arguments, ended_by_signal
from smartbeak_drills.session import Session, SessionError, conninfo
from smartbeak_drills.settings import read_address

_LOOK_S = 0.2


def main(argv: Sequence[str] | None = None) -> int:
    """Holds the lock; returns the exit status."""
    parser = arguments("hold", __doc__, "database host")
    parser.add_argument("--table", required=True)
    parser.add_argument("--snapshot", action="store_true", help="read the table, and lock nothing")
    options = parser.parse_args(argv)
    stop = ended_by_signal()
    try:
        address = read_address(options.config)
        session = Session(
            conninfo(address, host=options.host, application_name=options.name), timeout_s=30.0
        )
        if options.snapshot:
            session.run("BEGIN ISOLATION LEVEL REPEATABLE READ")
            session.run(f"SELECT count(*) FROM {options.table}")
        else:
            session.run("BEGIN")
            session.run(f"LOCK TABLE {options.table} IN ACCESS EXCLUSIVE MODE")
    except SessionError as error:
        print(f"hold: {error.text}", file=sys.stderr)
        return 1
    print("held", flush=True)
    while not stop.wait(_LOOK_S) and not session.ended():
        pass
    session.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
