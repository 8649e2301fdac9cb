"""A careless report worker: caches report after report in Redis until nothing more goes in.

    python3 -m smartbeak_drills.redis_fill --config FILE --host HOST --name NAME [--ttl SECONDS]

The client behind the faults `fill-memory` and `wrong-policy`. Without `--ttl` its
values never end: it prints `full` when Redis refuses one, and from then on fills up
whatever gets free. With it, and a policy that evicts, it prints `evicting` once
other keys have to make room, and goes on.

It ends its work once somebody else has removed its newest values: removing them is
the cure, and it must be possible to tell.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence

from drillbook.inside.trouble import Trouble
from smartbeak_drills.clients import arguments, ended_by_signal, redis_at
from smartbeak_drills.resp import Redis, RedisError

KEY = "cache:report"
_SIZE = 256 * 1024
_MOST = 1024
"""Values at most: whoever only gives Redis more memory has not cured anything for long,
but the machine's own memory must not run out."""

_FULL_S = 0.02
_REST_S = 0.1
_NEWEST = 3


class Filler:
    """Writes the values.

    Args:
        url: Address of Redis.
        name: Shown by CLIENT LIST.
        ttl: Seconds that a value lives; 0 for ever.
    """

    def __init__(self, url: str, name: str, ttl: int) -> None:
        self._url = url
        self._name = name
        self._ttl = ttl
        self._written = 0
        self._first_evicted: int | None = None
        self._said = False

    def work(self, stop: threading.Event) -> None:
        """Fills until `stop` is set or its values are removed by somebody.

        Raises:
            RedisError: Not even one value could be written.
        """
        redis: Redis | None = None
        while not stop.is_set():
            try:
                redis = redis or Redis(self._url, timeout_s=30.0, name=self._name)
                if self._removed(redis):
                    break
                stop.wait(self._write(redis))
            except RedisError as error:
                if not self._written:
                    raise
                if error.text.startswith("OOM"):
                    self._say(f"full after {self._written}: {error.text}")
                elif redis:
                    redis.close()
                    redis = None
                stop.wait(_FULL_S)
        stop.wait()

    def _write(self, redis: Redis) -> float:
        """Writes one more; returns the seconds to rest then."""
        if not self._ttl and self._written >= _MOST:
            return _REST_S
        key = f"{KEY}:{self._written + 1}"
        # The command is short: a long one takes memory itself, and gives it back just
        # when it was refused for that.
        redis.run("SETRANGE", key, str(_SIZE - 1), "x")
        self._written += 1
        if self._ttl:
            redis.run("EXPIRE", key, str(self._ttl))
            self._look_for_evicted(redis)
        return _REST_S if self._ttl and self._said else 0.0

    def _look_for_evicted(self, redis: Redis) -> None:
        evicted = _evicted(redis)
        if self._first_evicted is None:
            self._first_evicted = evicted
        if evicted > self._first_evicted:
            self._say(f"evicting after {self._written}")

    def _removed(self, redis: Redis) -> bool:
        newest = range(max(self._written - _NEWEST, 0) + 1, self._written + 1)
        keys = [f"{KEY}:{number}" for number in newest]
        return bool(keys) and redis.run("EXISTS", *keys) == 0

    def _say(self, text: str) -> None:
        if not self._said:
            print(text, flush=True)
        self._said = True


def _evicted(redis: Redis) -> int:
    for line in str(redis.run("INFO", "stats")).splitlines():
        if line.startswith("evicted_keys:"):
            return int(line.partition(":")[2])
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Fills Redis until SIGTERM; returns the exit status."""
    parser = arguments("redis_fill", __doc__, "Redis host")
    parser.add_argument("--ttl", type=int, default=0, help="seconds that a value lives")
    options = parser.parse_args(argv)
    stop = ended_by_signal()
    try:
        Filler(redis_at(options.config, options.host), options.name, options.ttl).work(stop)
    except Trouble as error:
        print(f"redis_fill: {error.text}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
