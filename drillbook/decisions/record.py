"""A decision: a page with fixed sections, a status, and what holds the decision."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from drillbook.errors import PageError, Where
from drillbook.incidents import markdown

FOLDER = "source/adr"

SECTIONS = ("Context", "Options", "Decision", "Consequences", "Validation")
"""In this order: those of MADR (https://adr.github.io/madr/) that this book asks for."""

STATUSES = ("proposed", "accepted", "rejected", "deprecated", "superseded")

_FILE = re.compile(r"(ADR-\d{3})-[a-z0-9]+(?:-[a-z0-9]+)*")
_NAMED = re.compile(r"`(tests/[\w/]+\.py::\w+|[\w/-]+#[\w-]+)`")
_BLOCK = r"(?m)^ *(?::name: {0}|`{{3,}}\{{drill\}} {0})$"


@dataclass(frozen=True, slots=True)
class Record:
    """One page that was read, as far as it could be."""

    number: str
    """`ADR-001`."""

    title: str
    """Without the number."""

    status: str
    decided: str
    """ISO date; empty where the day is not recorded."""

    successor: str
    """Number of the record that replaced this one, or empty."""

    docname: str
    held_by: tuple[str, ...]
    """Tests (`tests/x.py::test_y`) and blocks of pages (`docs/page#name`)."""

    errors: tuple[PageError, ...]


def read_all(root: Path) -> tuple[Record, ...]:
    """Every record of the book, in the order of their numbers."""
    pages = sorted((root / FOLDER).glob("ADR-*.md"))
    records = [read(root, page) for page in pages]
    names = [page.relative_to(root).as_posix() for page in pages]
    numbers = [record.number for record in records]
    return tuple(
        replace(record, errors=(*record.errors, *_between(record, numbers, name)))
        for record, name in zip(records, names, strict=True)
    )


def read(root: Path, path: Path) -> Record:
    """Reads one record; what is wrong with it stands in its errors."""
    text = path.read_text(encoding="utf-8")
    name = path.relative_to(root).as_posix()
    head = _head(text)
    sections = markdown.sections(text)
    found = _FILE.fullmatch(path.stem)
    number = found[1] if found else path.stem
    title = next((line[2:].strip() for line in text.split("\n") if line.startswith("# ")), "")
    held_by = _held_by(text, sections)
    errors = [
        *_name_errors(path, found is not None, number, title, text, name),
        *_status_errors(head, text, name),
        *_section_errors(sections, name),
        *_validation_errors(root, held_by, sections, name),
    ]
    return Record(
        number=number,
        title=title.removeprefix(f"{number}: "),
        status=str(head.get("status", "")),
        decided=str(head.get("decided", "")),
        successor=str(head.get("superseded-by", "")),
        docname=path.relative_to(root / "source").with_suffix("").as_posix(),
        held_by=tuple(word for word, _ in held_by),
        errors=tuple(sorted(errors, key=lambda error: error.where.line if error.where else 0)),
    )


def _between(record: Record, numbers: list[str], name: str) -> Iterator[PageError]:
    if numbers.count(record.number) > 1:
        yield PageError(
            "decision-number", f"{record.number} is there {numbers.count(record.number)} times",
            where=Where(name, 1), hint='nox -s new -- adr "title" takes the next number',
        )  # fmt: skip
    if record.status == "superseded" and record.successor not in numbers:
        yield PageError(
            "decision-successor", f"`superseded-by` is {record.successor!r}", where=Where(name, 1),
            hint=f"one of {', '.join(numbers)}",
        )  # fmt: skip


def _head(text: str) -> dict[str, Any]:
    if not text.startswith("---\n"):
        return {}
    head = yaml.safe_load(text[4:].partition("\n---")[0])
    return head if isinstance(head, dict) else {}


def _line_of(text: str, beginning: str) -> int:
    """Line that begins so, else the first."""
    lines = text.split("\n")
    return next((n for n, line in enumerate(lines, 1) if line.startswith(beginning)), 1)


def _name_errors(
    path: Path, good: bool, number: str, title: str, text: str, name: str
) -> Iterator[PageError]:
    if not good:
        yield PageError(
            "decision-name", f"{path.name!r} is no record's name", where=Where(name, 1),
            hint="ADR-NNN-words-of-the-title.md",
        )  # fmt: skip
    elif not title.startswith(f"{number}: "):
        yield PageError(
            "decision-title", f"the title does not begin with `{number}: `",
            where=Where(name, _line_of(text, "# ")),
        )  # fmt: skip


def _status_errors(head: Mapping[str, Any], text: str, name: str) -> Iterator[PageError]:
    hint = f"one of {', '.join(STATUSES)}"
    if "status" not in head:
        yield PageError(
            "decision-status", "the record has no `status`", where=Where(name, 1), hint=hint
        )
    elif head["status"] not in STATUSES:
        yield PageError(
            "decision-status", f"`status` is {head['status']!r}",
            where=Where(name, _line_of(text, "status:")), hint=hint,
        )  # fmt: skip
    if "decided" in head and not isinstance(head["decided"], date):
        yield PageError(
            "decision-date", f"{head['decided']!r} is no date",
            where=Where(name, _line_of(text, "decided:")), hint="YYYY-MM-DD",
        )  # fmt: skip


def _section_errors(sections: Mapping[str, markdown.Section], name: str) -> Iterator[PageError]:
    missing = [title for title in SECTIONS if title not in sections]
    if missing:
        yield PageError(
            "decision-section", f"there is no section {', '.join(missing)}", where=Where(name, 1),
            hint="source/adr/template.txt has them all",
        )  # fmt: skip
    order = [title for title in sections if title in SECTIONS]
    if order != sorted(order, key=SECTIONS.index):
        yield PageError(
            "decision-section", "the sections stand in another order than the template's",
            where=Where(name, 1), hint=f"order: {', '.join(SECTIONS)}",
        )  # fmt: skip
    for title in order:
        if not sections[title].text.strip() and not sections[title].rows:
            yield PageError(
                "decision-section", f"`{title}` is empty", where=Where(name, sections[title].line)
            )


def _held_by(text: str, sections: Mapping[str, markdown.Section]) -> list[tuple[str, int]]:
    """What the section Validation names, each with its line."""
    if "Validation" not in sections:
        return []
    first = sections["Validation"].line
    later = [section.line for section in sections.values() if section.line > first]
    last = min(later, default=text.count("\n") + 2)
    return [
        (word, number)
        for number, line in enumerate(text.split("\n"), 1)
        if first < number < last
        for word in _NAMED.findall(line)
    ]


def _validation_errors(
    root: Path,
    held_by: list[tuple[str, int]],
    sections: Mapping[str, markdown.Section],
    name: str,
) -> Iterator[PageError]:
    if "Validation" in sections and not held_by:
        yield PageError(
            "decision-validation", "Validation names neither a test nor a block of a page",
            where=Where(name, sections["Validation"].line),
            hint="`tests/test_x.py::test_y`, or `docs/page#name`",
        )  # fmt: skip
    for word, line in held_by:
        if not _is_there(root, word):
            yield PageError(
                "decision-validation", f"there is no {word}", where=Where(name, line),
                hint="name a test function, or a block or drill by the name that its page gives it",
            )  # fmt: skip


def _is_there(root: Path, word: str) -> bool:
    place, separator, name = word.partition("::" if "::" in word else "#")
    if separator == "#":
        # Its own, or on a page below it: a hub's drills stand on its branches.
        source = root / "source"
        pages = [*source.glob(f"{place}.md"), *source.glob(f"{place}/*.md")]
        block = re.compile(_BLOCK.format(re.escape(name)))
        return any(block.search(page.read_text(encoding="utf-8")) for page in pages)
    try:
        text = (root / place).read_text(encoding="utf-8")
    except OSError:
        return False
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name
        for node in ast.parse(text).body
    )
