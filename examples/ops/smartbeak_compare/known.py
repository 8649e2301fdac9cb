"""What the facts say, in the words in which the stack is asked; where each of it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

FACTS = "platform/facts.yaml"
SETTINGS = "platform/platform.env"

Said = Mapping[str, Mapping[str, str]]
"""By name: what is said of it, by what it is said of (a column, a method, `type`)."""

IN_A_JOB = (
    *("name", "attempts", "backoff.type", "backoff.delay", "priority"),
    *("removeOnComplete.count", "removeOnFail.count"),
)
"""Options that a job carries with it; the others a worker keeps to itself."""

REFUSED: Mapping[str, tuple[str, str, str, str, int]] = {
    "unknown path with a token": ("admin", "GET", "/v1/nothing", "", 1),
    "any path without a token": ("", "GET", "/v1/nothing", "", 1),
    "unknown method": ("admin", "PUT", "/v1/content", "{}", 1),
    "wrong role": ("viewer", "POST", "/v1/content", "{}", 1),
    "not valid": ("admin", "POST", "/v1/content", '{"domainId": "dom_1"}', 1),
    "job id not valid": ("admin", "GET", "/v1/publishing/jobs/a%20b", "", 1),
    "no domainId": ("admin", "GET", "/v1/publishing/jobs", "", 1),
    "target with an inside address": (
        *("admin", "POST", "/v1/publishing/targets?domainId=dom_1"),
        '{"type": "wordpress", "config": {"url": "https://10.0.0.1"}}', 1,
    ),
    "content of another organization": ("admin", "GET", "/v1/content/content_1", "", 1),
    "job of another organization": ("admin", "GET", "/v1/publishing/jobs/job_1", "", 1),
    "no such content": ("admin", "GET", "/v1/content/none", "", 1),
    "too many requests": ("owner", "POST", "/v1/publishing/jobs", "{}", 11),
}  # fmt: skip
"""By what is refused: role, method, path, body, and how often it is asked."""


@dataclass(frozen=True)
class Facts:
    """The lists of a folder with the stack's files."""

    folder: Path

    @cached_property
    def text(self) -> str:
        """The facts as they are written."""
        return (self.folder / FACTS).read_text(encoding="utf-8")

    @cached_property
    def all(self) -> Mapping[str, Any]:
        """Every list, by name."""
        found: Mapping[str, Any] = yaml.load(
            self.text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        )
        return found

    @cached_property
    def settings(self) -> Mapping[str, str]:
        """The stack's own values of variables."""
        text = (self.folder / SETTINGS).read_text(encoding="utf-8")
        return dict(re.findall(r"(?m)^(\w+)=(.*)$", text))

    def line(self, section: str, name: str) -> int:
        """Where an entry stands, or its list where there is none."""
        at = 0
        for number, line in enumerate(self.text.split("\n"), 1):
            if line.startswith(f"{section}:"):
                at = number
            elif at and re.match(rf'  "?{re.escape(name)}"?:', line):
                return number
            elif at and re.match(r"\w", line):
                break
        return at


def plain(name: str) -> str:
    """A name as it is typed: stars for its places."""
    return re.sub("<[^>]*>", "*", name)


def _tables(facts: Facts) -> Said:
    found: dict[str, dict[str, str]] = {}
    for table, columns in facts.all["tables"].items():
        found[table] = {name: kind for name, (kind, _) in columns.items()}
    for column, about in facts.all["references"].items():
        table, _, name = column.partition(".")
        found[table][name] += f" to {about['to']}, on delete {about['on-delete']}"
    return found


def _statuses(facts: Facts) -> Said:
    return {
        name: {"values": ", ".join(sorted(about["values"]))}
        for name, about in facts.all["values"].items()
        if about["checked"]
    }


def _queues(facts: Facts) -> Said:
    return {
        name: {"in Redis": "yes"} for name, about in facts.all["queues"].items() if "here" in about
    }


def _options(facts: Facts) -> Said:
    found = {}
    for name in IN_A_JOB:
        about = facts.all["job"][name]
        value = facts.settings.get(about.get("variable", ""), about["value"])
        found[name] = {"value": str(value)}
    return found


def _routes(facts: Facts) -> Said:
    found = {}
    for host, key in (("api", "endpoints"), ("web", "web"), ("worker", "worker")):
        for path, about in facts.all[key].items():
            methods = about if key == "endpoints" else (about["method"],)
            found[f"{host} {path}"] = {"methods": ", ".join(sorted(methods))}
    return found


def _codes(facts: Facts) -> Said:
    found: dict[str, dict[str, str]] = {}
    for when in REFUSED:
        about = facts.all["refusals"][when]
        found.setdefault(about["code"], {})[when] = str(about["status"])
    return found


def _variables(facts: Facts) -> Said:
    return {name: {"read": "yes"} for name in facts.all["variables"]}


def keys(facts: Facts) -> Said:
    """Type and lifetime of each pattern, the platform's and BullMQ's own."""
    found = {}
    for section in ("redis-keys", "bullmq-keys"):
        for name, about in facts.all[section].items():
            lives = about.get("seconds")
            if "setting" in about:
                lives = int(facts.settings[about["setting"]]) / 1000
            found[name] = {"type": about["type"], "seconds": f"{lives:g}" if lives else "for ever"}
    return found


EXPECTED: Mapping[str, tuple[Callable[[Facts], Said], str]] = {
    "tables": (_tables, "tables"),
    "statuses": (_statuses, "values"),
    "queues": (_queues, "queues"),
    "job-options": (_options, "job"),
    "routes": (_routes, "endpoints"),
    "error-codes": (_codes, "refusals"),
    "variables": (_variables, "variables"),
    "redis-keys": (keys, "redis-keys"),
}
"""By subject: what is expected, and the list of the facts that says so."""
