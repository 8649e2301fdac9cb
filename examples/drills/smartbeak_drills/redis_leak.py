"""A forgotten worker: opens connection after connection to Redis and gives none back.

    python3 -m smartbeak_drills.redis_leak --config FILE --host HOST --name NAME

The client behind the fault `exhaust` of a Redis host. Ending this process is a cure too.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence

from drillbook.inside.trouble import Trouble
from smartbeak_drills.clients import arguments, ended_by_signal, redis_at
from smartbeak_drills.hoard import hoard
from smartbeak_drills.resp import Redis

_AGAIN_S = 0.05
_MOST = 1000


def leak(url: str, name: str, stop: threading.Event) -> None:
    """Holds connections until `stop` is set.

    Args:
        url: Address of Redis.
        name: Shown by CLIENT LIST.
        stop: Ends it all.

    Raises:
        RedisError: Not even one connection came about.
    """
    hoard(lambda: Redis(url, timeout_s=30.0, name=name), stop, most=_MOST, again_s=_AGAIN_S)


def main(argv: Sequence[str] | None = None) -> int:
    """Leaks connections until SIGTERM; returns the exit status."""
    options = arguments("redis_leak", __doc__, "Redis host").parse_args(argv)
    stop = ended_by_signal()
    try:
        leak(redis_at(options.config, options.host), options.name, stop)
    except Trouble as error:
        print(f"redis_leak: {error.text}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
