"""The objectives of slo.yaml, read and checked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parent
FILE = FOLDER / "slo.yaml"
WINDOW = "[30d]"
"""As it stands in the queries."""


class RulesError(Exception):
    """What is wrong in a file of objectives or alerts.

    Attributes:
        file: Its name in this folder.
        line: 1-based.
        message: One sentence.
    """

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(f"examples/reliability/{file}:{line}: {message}")
        self.file, self.line, self.message = file, line, message


@dataclass(frozen=True, slots=True)
class Objective:
    """One objective.

    Attributes:
        name: As alerts name it.
        title: For people.
        description: What is counted.
        target: From 0 to 1.
        good: Query of the good events in the window.
        total: Query of all of them.
        notes: Its annotations: `documents`, `code`, `chosen`, `runbook`.
        line: Of slo.yaml.
    """

    name: str
    title: str
    description: str
    target: float
    good: str
    total: str
    notes: dict[str, str]
    line: int

    @property
    def budget(self) -> float:
        """The share of events that may be bad."""
        return round(1 - self.target, 9)

    def errors(self, window: str) -> str:
        """Query of the share of bad events in a window, e.g. `5m`; no value without events."""
        good, total = (each.replace(WINDOW, f"[{window}]") for each in (self.good, self.total))
        # Where nothing was good there is no series of good ones.
        return f"1 - ({good} or vector(0)) / ({total} > 0)"


def load(path: Path = FILE) -> tuple[Objective, ...]:
    """The objectives, in order.

    Raises:
        RulesError: The file is no YAML, or not as `openslo.schema.json` says.
    """
    validator = Draft202012Validator(json.loads((FOLDER / "openslo.schema.json").read_text()))
    text = path.read_text(encoding="utf-8")
    found = []
    for node, document in _documents(text, path.name):
        for error in validator.iter_errors(document):
            place = ".".join(str(part) for part in error.absolute_path) or "the document"
            line = _line(node, error.absolute_path)
            raise RulesError(path.name, line, f"{place}: {error.message}")
        if document["kind"] == "SLO":
            found.append(_objective(document, _line(node, ())))
    return tuple(found)


def _line(node: yaml.Node, path: Iterable[str | int]) -> int:
    """Where a part of a document stands."""
    for step in path:
        if isinstance(node, yaml.MappingNode):
            node = next(value for name, value in node.value if name.value == step)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
    return int(node.start_mark.line) + 1


def _documents(text: str, name: str) -> Iterator[tuple[yaml.Node, dict[str, Any]]]:
    try:
        nodes = list(yaml.compose_all(text, yaml.SafeLoader))
        bodies = list(yaml.safe_load_all(text))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RulesError(name, line, f"is no YAML: {error.problem}") from error
    yield from zip(nodes, bodies, strict=True)


def _objective(document: dict[str, Any], line: int) -> Objective:
    spec, metadata = document["spec"], document["metadata"]
    ratio = spec["indicator"]["spec"]["ratioMetric"]
    return Objective(
        name=metadata["name"],
        title=metadata["displayName"],
        description=spec["description"],
        target=spec["objectives"][0]["target"],
        good=ratio["good"]["metricSource"]["spec"]["query"],
        total=ratio["total"]["metricSource"]["spec"]["query"],
        notes=metadata["annotations"],
        line=line,
    )
