"""Triage trees: rows in the order in which they are read; the first that fits is the branch.

A tree is a YAML file under `triage/`:

    subject: postgres
    title: Database
    hub: runbooks/database-failover
    rows:
      - symptom: Nobody can save; the primary refuses connections
        when: {platform: refused, primary: refused, replica: replica}
        branch: runbooks/database-failover/primary-dead
        looks: [db-1]            # where `sb triage` sees more, if anywhere

What `when` may ask for is in `facts.FACTS`: a value, a list of values, or for a number
a comparison such as `> 0`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

import yaml

from smartbeak_ops import data
from smartbeak_ops.facts import FACTS, FLAG, NUMBER
from smartbeak_ops.looks.seen import Value

SUBJECTS = ("postgres", "redis", "rollback", "queues", "payments", "deploy", "security")
"""Subjects in the order in which they are read: what others need comes first."""

_COMPARISON = re.compile(r"^(>=|<=|>|<|==) *(-?\d+(?:\.\d+)?)$")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
}
# The C one takes a twentieth of the time; a PyYAML that was built without it has the other.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_BRANCH = re.compile(r"^[a-z0-9-]+(?:/[a-z0-9-]+)*(?:#[a-z0-9-]+)?$")
_KEYS = {"symptom", "when", "branch", "also", "says", "severity"}
SEVERITIES = ("P0", "P1", "P2", "P3", "none")


class TreeError(Exception):
    """A tree that cannot be used.

    Args:
        file: Its name.
        line: Where; 0 if that is not known.
        what: What is wrong with it, and what would be right.
    """

    def __init__(self, file: str, line: int, what: str) -> None:
        super().__init__(f"{file}:{line}: {what}" if line else f"{file}: {what}")


@dataclass(frozen=True, slots=True)
class Row:
    """A situation and its branch.

    Attributes:
        symptom: As users and alerts say it.
        when: What must be seen: tests by the names of facts.
        branch: Document of the book, without its ending; may have an anchor.
        says: The line that shows it, as `sb look` prints it.
        severity: P0 to P3, or `none`.
        also: What to do to see more, if `sb` sees more elsewhere.
        line: Of the file.
    """

    symptom: str
    when: Mapping[str, Any]
    branch: str
    says: str
    severity: str
    also: str
    line: int

    def fits(self, facts: Mapping[str, Value]) -> bool:
        """Whether everything is so; what was not seen is not so."""
        return all(name in facts and _holds(facts[name], test) for name, test in self.when.items())


@dataclass(frozen=True, slots=True)
class Tree:
    """The rows of a subject.

    Attributes:
        subject: One of `SUBJECTS`.
        title: For people.
        hub: Document that holds its table.
        rows: In the order in which they are read.
    """

    subject: str
    title: str
    hub: str
    rows: Sequence[Row]

    def first(self, facts: Mapping[str, Value]) -> Row | None:
        """The first row that fits."""
        return next((row for row in self.rows if row.fits(facts)), None)


def load(subject: str, where: Traversable | None = None) -> Tree:
    """Reads and checks a tree.

    Raises:
        TreeError: With file and line.
    """
    name = f"{subject}.yaml"
    file = (where or data.triage()) / name
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise TreeError(name, 0, f"cannot be read: {error}") from error
    return parse(text, name)


def parse(text: str, name: str) -> Tree:
    """Reads and checks the text of a tree.

    Raises:
        TreeError: With file and line.
    """
    loader = _LOADER(text)
    try:
        node = loader.get_single_node()
        document = loader.construct_document(node) if node is not None else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise TreeError(name, mark.line + 1 if mark else 0, "is no YAML") from error
    if not isinstance(document, dict) or set(document) != {"subject", "title", "hub", "rows"}:
        raise TreeError(name, 1, "must have subject, title, hub and rows, and nothing else")
    if document["subject"] not in SUBJECTS:
        raise TreeError(name, 1, f"subject must be one of {', '.join(SUBJECTS)}")
    lines = _lines(node)
    rows = [
        _row(each, name, lines[number] if number < len(lines) else 0)
        for number, each in enumerate(document["rows"] or ())
    ]
    if not rows:
        raise TreeError(name, 1, "has no rows")
    _check_reachable(rows, name)
    return Tree(document["subject"], document["title"], document["hub"], rows)


def _lines(node: Any) -> list[int]:
    for key, value in node.value:
        if key.value == "rows":
            return [each.start_mark.line + 1 for each in value.value]
    return []


def _row(body: Any, name: str, line: int) -> Row:
    if not isinstance(body, dict) or not {"symptom", "when", "branch"} <= set(body) <= _KEYS:
        raise TreeError(
            name,
            line,
            f"a row has symptom, when and branch, and may have {', '.join(sorted(_KEYS))}",
        )
    if not isinstance(body["when"], dict):
        raise TreeError(name, line, "when must name facts: {} for a row that always fits")
    if not _BRANCH.match(str(body["branch"])):
        raise TreeError(name, line, f"{body['branch']!r} is no document of the book")
    severity = str(body.get("severity", "none"))
    if severity not in SEVERITIES:
        raise TreeError(name, line, f"severity must be one of {', '.join(SEVERITIES)}")
    for fact, test in body["when"].items():
        _check_test(fact, test, name, line)
    return Row(
        symptom=str(body["symptom"]),
        when=body["when"],
        branch=str(body["branch"]),
        says=str(body.get("says", "")),
        severity=severity,
        also=str(body.get("also", "")),
        line=line,
    )


def _check_test(fact: str, test: Any, name: str, line: int) -> None:
    if fact not in FACTS:
        raise TreeError(name, line, f"there is no fact {fact!r}; facts.py lists those there are")
    kind = FACTS[fact]
    if kind == NUMBER:
        if not _COMPARISON.match(str(test)):
            raise TreeError(name, line, f"{fact} is a number: compare it, as in '> 0'")
    elif kind == FLAG:
        if not isinstance(test, bool):
            raise TreeError(name, line, f"{fact} is true or false")
    else:
        for each in test if isinstance(test, list) else [test]:
            if each not in kind:
                raise TreeError(name, line, f"{fact} is never {each!r}: {', '.join(kind)}")


def _check_reachable(rows: Sequence[Row], name: str) -> None:
    """A row that an earlier one always beats would never be found."""
    for number, row in enumerate(rows):
        for earlier in rows[:number]:
            if all(
                fact in row.when and _within(row.when[fact], test)
                for fact, test in earlier.when.items()
            ):
                raise TreeError(
                    name, row.line, f"is never reached: line {earlier.line} fits whenever it does"
                )


def _within(test: Any, wider: Any) -> bool:
    """Whether all that passes the one test passes the wider one."""
    if test == wider:
        return True
    ours = _COMPARISON.match(str(test))
    theirs = _COMPARISON.match(str(wider))
    if ours and theirs:
        return ours[1] == theirs[1] and _OPERATORS[theirs[1].rstrip("=") + "="](
            float(ours[2]), float(theirs[2])
        )
    narrow = set(test) if isinstance(test, list) else {test}
    return narrow <= (set(wider) if isinstance(wider, list) else {wider})


def _holds(value: Value, test: Any) -> bool:
    found = _COMPARISON.match(test) if isinstance(test, str) else None
    if found and not isinstance(value, str):
        return _OPERATORS[found[1]](value, float(found[2]))
    if isinstance(test, list):
        return value in test
    return bool(value == test)
