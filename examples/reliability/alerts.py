"""The alerts of alerts.yaml and burn.yaml, each with the line where it stands, checked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from reliability.burn import BOOK
from reliability.objectives import FOLDER, RulesError

FILES = ("alerts.yaml", "burn.yaml")
TESTS = ("alerts.test.yaml", "burn.test.yaml", "burn-slow.test.yaml")
SEVERITIES = ("P0", "P1", "P2", "P3")
ACTIONS = ("page", "notify", "heartbeat")
_ANNOTATIONS = ("summary", "why", "no_data", "runbook_url")


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    Attributes:
        name: As Alertmanager says it.
        expr: The condition, in PromQL.
        wait: How long it must hold, as in the file; empty where it counts at once.
        labels: `severity`, `action` and perhaps `slo`.
        notes: Its annotations.
        file: Where it stands.
        line: 1-based.
    """

    name: str
    expr: str
    wait: str
    labels: Mapping[str, str]
    notes: Mapping[str, str]
    file: str
    line: int

    @property
    def branch(self) -> str:
        """Document of the book that its `runbook_url` names; empty if that is no such address."""
        return self.address.partition("#")[0]

    @property
    def address(self) -> str:
        """Document and section of its `runbook_url`, as `source/anchors.txt` lists them."""
        found = re.fullmatch(
            re.escape(BOOK) + r"([a-z0-9/-]+)\.html(#[a-z0-9-]+)?", self.notes["runbook_url"]
        )
        return f"{found[1]}{found[2] or ''}" if found else ""

    @property
    def seen(self) -> str:
        """How a line begins that a page prints when the receiver was told of it."""
        return f"firing {self.name}"


def load(folder: Path = FOLDER) -> tuple[Alert, ...]:
    """Every alert, in order.

    Raises:
        RulesError: An alert lacks a label or an annotation, or has one that is unknown.
    """
    found: dict[str, Alert] = {}
    for name in FILES:
        for alert in _of(folder, name):
            if alert.name in found:
                raise RulesError(name, alert.line, f"{alert.name} is there twice")
            found[alert.name] = alert
    return tuple(found.values())


def orphans(
    alerts: Collection[Alert],
    documents: Collection[str],
    objectives: Collection[str],
    folder: Path = FOLDER,
) -> Iterator[RulesError]:
    """What leads nowhere: alerts without a page, an objective or a test.

    Args:
        alerts: All of them.
        documents: Pages of the book, and their sections as `page#section`.
        objectives: Names of slo.yaml.
        folder: Where the tests are.
    """
    tested = tests(folder)
    for each in alerts:
        if not each.branch:
            message = f"{each.name}: runbook_url is no page of {BOOK}"
            yield RulesError(each.file, each.line, message)
        elif each.address not in documents:
            message = f"{each.name}: its runbook {each.address!r} is no page of this book"
            yield RulesError(each.file, each.line, message)
        if each.labels.get("slo", "") not in {"", *objectives}:
            message = f"{each.name}: slo.yaml has no objective {each.labels['slo']!r}"
            yield RulesError(each.file, each.line, message)
        if each.name not in tested:
            yield RulesError(each.file, each.line, f"{each.name} has no test that raises it")


def tests(folder: Path = FOLDER) -> frozenset[str]:
    """Names of the alerts that a test expects to be raised, and to be silent before."""
    found = set()
    for name in TESTS:
        for case in yaml.safe_load((folder / name).read_text(encoding="utf-8"))["tests"]:
            raised = [bool(step["exp_samples"]) for step in case["promql_expr_test"]]
            if True in raised and (False in raised or case["name"] == "Watchdog"):
                found.add(case["name"])
    return frozenset(found)


def _of(folder: Path, name: str) -> Iterator[Alert]:
    text = (folder / name).read_text(encoding="utf-8")
    try:
        root = yaml.compose(text, yaml.SafeLoader)
        document = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RulesError(name, line, f"is no YAML: {error.problem}") from error
    groups = _child(root, "groups").value
    for node, group in zip(groups, document["groups"], strict=True):
        for rule, body in zip(_child(node, "rules").value, group["rules"], strict=True):
            if "alert" in body:
                yield _alert(body, name, rule.start_mark.line + 1)


def _child(node: Any, key: str) -> Any:
    return next(value for name, value in node.value if name.value == key)


def _alert(body: dict[str, Any], file: str, line: int) -> Alert:
    name, labels, notes = body["alert"], body.get("labels", {}), body.get("annotations", {})
    for key in _ANNOTATIONS:
        if not notes.get(key):
            raise RulesError(file, line, f"{name} has no {key}")
    if labels.get("severity") not in SEVERITIES:
        said = ", ".join(SEVERITIES)
        raise RulesError(file, line, f"{name}: severity is one of {said}")
    if labels.get("action") not in ACTIONS:
        said = ", ".join(ACTIONS)
        raise RulesError(file, line, f"{name}: action is one of {said}")
    return Alert(name, body["expr"], str(body.get("for", "")), labels, notes, file, line)
