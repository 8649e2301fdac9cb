"""How often the first result is the page that answers: captured texts by half, and what is typed.

    python -m tests.search.measure path/to/search-texts.js

Right answers of a captured text are the pages whose drills saw it. Where several did, the text
alone cannot tell them apart: the hub of any of them is right as well. A part that several texts
hold is right with the pages of each.

A text belongs to the tuning half or to the held-out half by its own hash, for ever. The book that
is searched holds the tuning half alone: what is held out is found by what pages say.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from drillbook.sandboxes import npm
from drillbook.site import search
from tests.conftest import ROOT
from tests.search.capture import CAPTURED, form

HERE = Path(__file__).parent
STATIC = ROOT / "source/_static"
WORDS = ("words", "words_after", "errors", "errors_after")

TUNING, HELD_OUT = "tuning", "held-out"

_LOG = "2026-11-27T03:04:05.678Z ip-10-0-3-17 smartbeak[4711]: "
_LONG = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """What is typed and what may come first."""

    group: str
    query: str
    right: frozenset[str]


def half(text: str) -> str:
    """Which half a captured text belongs to."""
    return HELD_OUT if hashlib.sha256(form(text).encode()).digest()[0] % 2 else TUNING


def captured() -> list[dict[str, Any]]:
    """All captured texts."""
    found: list[dict[str, Any]] = json.loads(CAPTURED.read_text(encoding="utf-8"))
    return found


def results(texts: Path, queries: Sequence[str]) -> list[list[dict[str, Any]]]:
    """What the site's own script finds, by query."""
    files = [STATIC / "vendor/minisearch.js", *search.STEMMER, texts, STATIC / "search.js"]
    done = subprocess.run(
        [npm.programs(ROOT) / "node", ROOT / "tests/search.mjs"],
        input=json.dumps({"files": [str(file) for file in files], "queries": list(queries)}),
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: list[list[dict[str, Any]]] = json.loads(done.stdout)
    return found


def asked() -> list[Asked]:
    """Every query of both files. A captured text is pasted whole, within a log, and its middle."""
    known = captured()
    return [
        Asked(f"{half(each['text'])}, {how}", query, _right(part, known))
        for each in known
        for how, query, part in _pasted(each["text"])
    ] + [asked for name in WORDS for asked in _written(name)]


def _written(name: str) -> Iterator[Asked]:
    right: dict[str, set[str]] = {}
    pages = yaml.safe_load((HERE / f"{name}.yaml").read_text("utf-8"))
    for page, queries in pages.items():
        for query in queries:
            right.setdefault(str(query), set()).add(page)
    for query, answers in right.items():
        yield Asked(name, query, frozenset(answers))


def _right(part: str, known: Sequence[dict[str, Any]]) -> frozenset[str]:
    part = form(part)
    pages = {page for each in known if part in form(each["text"]) for page in each["pages"]}
    if len(pages) > 1:
        pages |= {hub for each in pages if _source(hub := each.rpartition("/")[0]).exists()}
    return frozenset(pages)


def _source(page: str) -> Path:
    return ROOT / "source" / f"{page}.md"


def _pasted(text: str) -> Iterator[tuple[str, str, str]]:
    yield "whole", text, text
    yield "in a log", _LOG + text, text
    words = text.split()
    if len(words) >= _LONG:
        middle = " ".join(words[2:-2])
        yield "middle", middle, middle


def wrong(texts: Path, all_: Sequence[Asked]) -> list[tuple[Asked, str]]:
    """What leads first to another page, with that page."""
    found = results(texts, [each.query for each in all_])
    first = [
        each[0]["url"].partition("#")[0].removesuffix(".html") if each else "" for each in found
    ]
    return [(each, page) for each, page in zip(all_, first, strict=True) if page not in each.right]


def page_of(found: Sequence[dict[str, Any]]) -> str:
    """The page of the first result; empty without one."""
    return found[0]["url"].partition("#")[0].removesuffix(".html") if found else ""


def shares(all_: Sequence[Asked], missed: Sequence[tuple[Asked, str]]) -> Mapping[str, float]:
    """Right first results in percent, by group and by half."""
    groups = sorted({each.group for each in all_} | {each.group.partition(",")[0] for each in all_})
    return {
        group: 100 * (1 - sum(map(_in(group), (m[0] for m in missed))) / sum(map(_in(group), all_)))
        for group in groups
    }


def _in(group: str) -> Any:
    return lambda each: each.group == group or each.group.partition(",")[0] == group


def main(texts: Path) -> None:
    """Prints what is wrong, and the shares."""
    all_ = asked()
    missed = wrong(texts, all_)
    for each, page in missed:
        print(f"{each.group}: {each.query[:110]!r}")
        print(f"    {page}, not {', '.join(sorted(each.right)[:3])}")
    for group, share in shares(all_, missed).items():
        print(f"{share:5.1f} % of {sum(map(_in(group), all_)):3} {group}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
