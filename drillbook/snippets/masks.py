"""The named masks: what may stand in an expected output for a value that varies.

The table is the one declaration: matching, the reference page and the tests of
each example come from it. A mask is strict, since one that matches anything
proves nothing; `<word>` that is not in the table is literal text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

_YEAR = r"(?:19|20)\d{2}"
_LEAP_YEAR = r"(?:(?:19|20)(?:0[48]|[2468][048]|[13579][26])|2000)"
_DAY = (
    rf"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])"
    rf"|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
_CLOCK = r"(?:(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d|23:59:60)(?:[.,]\d{1,9})?"
_ZONE = r"(?: ?(?:Z|UTC|GMT|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?))"
_COUNT = r"(?:0|[1-9]\d*)"
_DECIMAL = rf"{_COUNT}(?:\.\d+)?"


@dataclass(frozen=True, slots=True)
class Mask:
    """One mask."""

    name: str
    """As it stands in a page between `<` and `>`."""

    pattern: str
    """Regular expression without groups that capture."""

    meaning: str
    """What it stands for, for the reference page."""

    examples: tuple[str, ...]
    """Values it matches, whole."""

    counter_examples: tuple[str, ...]
    """Values near to these that it does not match."""


MASKS: tuple[Mask, ...] = (
    Mask(
        "lsn",
        r"(?!0+/0+(?![0-9A-F]))[0-9A-F]{1,8}/[0-9A-F]{1,8}",
        "a position in PostgreSQL's write-ahead log",
        ("0/3000148", "1A/FF00D8B8"),
        ("0-3000148", "0/", "0/0", "0/300014g", "0/123456789"),
    ),
    Mask(
        "wal",
        r"(?!0{8})[0-9A-F]{24}",
        "the name of a PostgreSQL WAL segment",
        ("000000010000000000000003",),
        ("00000001000000000000003", "000000000000000000000003", "00000002.history"),
    ),
    Mask(
        "xid",
        r"(?:[1-9]\d{0,18}|1[0-7]\d{18})",
        "a PostgreSQL transaction id",
        ("734", "4294968030"),
        ("0", "-1", "07", "20000000000000000000"),
    ),
    Mask(
        "uuid",
        r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
        "a UUID",
        ("5f0c1a9e-8d1b-4f63-9a30-0d6a6a4f2b11",),
        ("5f0c1a9e8d1b4f639a300d6a6a4f2b11", "5f0c1a9e-8d1b-4f63-9a30"),
    ),
    Mask(
        "sha256",
        r"(?!0{64})[0-9a-f]{64}",
        "a SHA-256 digest in hexadecimal",
        ("5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",),
        ("5891b5b522d5df086d0ff0b110fbd9d2", "0" * 64, "sha256:5891b5b5"),
    ),
    Mask(
        "time",
        rf"(?:{_DAY}[ T])?{_CLOCK}{_ZONE}?",
        "a time of day, with or without its date and zone",
        (
            "05:06:07",
            "2026-11-23 05:06:07.123456+00",
            "2026-11-23T05:06:07Z",
            "2026-11-23 05:06:07.123 UTC",
        ),
        (
            "25:00:00",
            "05:06",
            "2026-11-23",
            "2026-13-01 05:06:07",
            "2026-02-31 05:06:07",
            "05:06:61",
            "05:06:60",
            "5:06:07",
            "05:06:07+25",
        ),
    ),
    Mask(
        "date",
        _DAY,
        "a date",
        ("2026-11-23", "2028-02-29", "2026-10-31"),
        (
            *("2026-13-01", "2026-02-31", "2026-02-29", "2100-02-29", "2026-04-31", "0000-01-01"),
            *("23.11.2026", "2026-11-23 05:06:07"),
        ),
    ),
    Mask(
        "duration",
        rf"-?(?:{_COUNT} days? )?\d{{2,}}:[0-5]\d:[0-5]\d(?:\.\d+)?"
        rf"|(?:{_COUNT}h ?)?(?:{_COUNT}m ?)?{_DECIMAL} ?s"
        rf"|{_DECIMAL} ?(?:us|ms|min|m|h|days?|seconds?|minutes?|hours?)",
        "a span of time with its unit, or as PostgreSQL prints an interval",
        ("00:00:12.345", "1 day 02:03:04", "1.5 s", "2m3s", "1m", "250 ms", "3 minutes"),
        ("12", "12 MB", "1:2:3", "soon"),
    ),
    Mask(
        "ms",
        rf"{_DECIMAL} ?ms",
        "a number of milliseconds, with the unit",
        ("12.345 ms", "0 ms", "7ms"),
        ("12.345", "12.345 s", "-1 ms"),
    ),
    Mask(
        "number",
        rf"-?{_DECIMAL}",
        "a decimal number",
        ("0", "-12", "3.14", "1000000"),
        ("", "1,000", "1e5", "0x1f", "007", "1."),
    ),
    Mask(
        "count",
        r"[1-9]\d*",
        "a count that is not 0",
        ("1", "12", "1000000"),
        ("0", "-1", "01", "1.5", "1,000"),
    ),
    Mask(
        "bytes",
        _COUNT,
        "a count of bytes, without a unit",
        ("0", "16777216"),
        ("-1", "16 MB", "1.5"),
    ),
    Mask(
        "size",
        rf"{_DECIMAL} ?(?:bytes|B|[kKMGTP]i?B?)",
        "an amount of memory or disk, with its unit",
        ("16 MB", "8192 bytes", "1.5G", "128kB", "2 GiB"),
        ("16", "16 m", "-16 MB", "16 MBit"),
    ),
    Mask(
        "pid",
        r"(?:[1-9]\d{0,5}|[1-3]\d{6}|40\d{5}|41[0-8]\d{4}|419[0-3]\d{3}|4194[0-2]\d{2}|419430[0-4])",
        "a process id",
        ("1", "4194304"),
        ("0", "-1", "4194305", "12345678", "1.5"),
    ),
    Mask(
        "port",
        r"(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])",
        "a TCP port",
        ("1", "54321", "65535"),
        ("0", "65536", "99999"),
    ),
    Mask(
        "version",
        rf"{_COUNT}(?:\.{_COUNT}){{1,3}}",
        "a version number",
        ("15.18", "6.2.14", "1.2.3.4"),
        ("15", "15.", "v15.18", "1.2.3.4.5"),
    ),
)

_BY_NAME = {mask.name: mask for mask in MASKS}
_NAMED = re.compile(r"<([a-z][a-z0-9-]*)>")


def parts(line: str) -> Iterator[str | Mask]:
    """The literal texts and the masks of an expected line, in order."""
    at = 0
    for named in _NAMED.finditer(line):
        if mask := _BY_NAME.get(named[1]):
            if named.start() > at:
                yield line[at : named.start()]
            yield mask
            at = named.end()
    if at < len(line):
        yield line[at:]


@lru_cache(maxsize=4096)
def _compiled(line: str) -> re.Pattern[str] | None:
    """The pattern of a line with masks; None for one without."""
    found = list(parts(line))
    if not any(isinstance(part, Mask) for part in found):
        return None
    texts = (f"(?:{part.pattern})" if isinstance(part, Mask) else re.escape(part) for part in found)
    return re.compile("".join(texts))


def matches(expected: str, actual: str) -> bool:
    """Whether a printed line is the expected one, or is it but for values behind masks."""
    if expected == actual:
        return True
    pattern = _compiled(expected)
    return pattern is not None and pattern.fullmatch(actual) is not None


def unknown(lines: Iterable[str]) -> tuple[str, ...]:
    """What looks like a mask in these lines and is none, e.g. `<lns>`, without repeats."""
    found = (named[0] for line in lines for named in _NAMED.finditer(line))
    return tuple(dict.fromkeys(name for name in found if name[1:-1] not in _BY_NAME))
