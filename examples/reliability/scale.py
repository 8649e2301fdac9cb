"""Makes every duration of a rule or routing file shorter, so that a drill need not wait for hours.

`python3 -m reliability.scale N <rules.yaml >shorter.yaml` divides windows (`[5m]`), `for:` and
the intervals of Alertmanager by N. Thresholds stay as they are, also those in seconds.
"""

from __future__ import annotations

import re
import sys

_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_KEYS = (
    "for|interval|scrape_interval|scrape_timeout|evaluation_interval|group_wait|group_interval"
    "|repeat_interval"
)
_DURATION = r"\d+(?:ms|[smhd])"
_PLACES = re.compile(
    rf"(\[|\b(?:{_KEYS}):\s*|\boffset\s+)({_DURATION})(?=[\]\s,}})]|$)", re.MULTILINE
)


def shorter(text: str, by: int) -> str:
    """The text with each duration divided; none becomes shorter than 1 ms."""

    def divide(found: re.Match[str]) -> str:
        amount = re.fullmatch(r"(\d+)(ms|[smhd])", found[2])
        assert amount is not None
        return f"{found[1]}{max(1, int(amount[1]) * _UNITS[amount[2]] // by)}ms"

    return _PLACES.sub(divide, text)


if __name__ == "__main__":
    sys.stdout.write(shorter(sys.stdin.read(), int(sys.argv[1])))
