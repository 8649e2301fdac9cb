"""Selectors of labels and of fields, as kubectl writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from simulators.kubernetes.cluster import Object

Test = Callable[[Object], bool]

_TERM = re.compile(r"[^,(]+(?:\([^)]*\))?")
_SET = re.compile(r"^([^\s]+)\s+(in|notin)\s+\(([^)]*)\)$")


def selector(labels: str, fields: str) -> Test:
    """The test that both make; empty texts let everything through.

    Args:
        labels: E.g. `app.kubernetes.io/name=api,pod-template-hash in (a,b)`.
        fields: E.g. `metadata.name=prod-api`.
    """
    wanted = [_term(term.strip()) for term in _TERM.findall(labels)]
    where = [_term(term.strip()) for term in _TERM.findall(fields)]

    def test(found: Object) -> bool:
        held = found["metadata"].get("labels") or {}
        return all(holds(held) for holds in wanted) and all(
            holds(_Fields(found)) for holds in where
        )

    return test


class _Fields(Mapping[str, Any]):
    """An object's fields by their paths."""

    def __init__(self, found: Object) -> None:
        self._found = found

    def __getitem__(self, path: str) -> Any:
        value: Any = self._found
        for part in path.split("."):
            value = value[part]
        return value

    def __iter__(self) -> Any:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def _term(term: str) -> Callable[[Mapping[str, Any]], bool]:
    if found := _SET.match(term):
        name, how, text = found.groups()
        values = {each.strip() for each in text.split(",")}
        return lambda held: (held.get(name) in values) == (how == "in")
    if "!=" in term:
        name, _, value = term.partition("!=")
        return lambda held: held.get(name) != value
    name, equals, value = term.partition("=")
    if equals:
        return lambda held: str(held.get(name, "")) == value.lstrip("=")
    if name.startswith("!"):
        return lambda held: name[1:] not in held
    return lambda held: name in held
