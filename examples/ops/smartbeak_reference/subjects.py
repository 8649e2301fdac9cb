"""What the reference has tables of, each made from the facts and from the stack's own files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

FACTS = "examples/platform/facts.yaml"
COMPOSE = "examples/compose.yaml"
SETTINGS = "examples/platform/platform.env"

PRODUCTION = "no: production alone"

BY_TEST: Mapping[str, str] = {
    "content_items": "test_content_changes_its_state_as_the_facts_say",
    "media_assets": "test_media_changes_its_state_as_the_facts_say",
    "media_assets.status": "test_media_changes_its_state_as_the_facts_say",
    "notifications": "test_a_state_changes_as_the_facts_say_and_not_otherwise",
    "publish_attempts.status": "test_a_job_changes_its_state_as_the_facts_say",
    "publishing_jobs": "test_a_job_changes_its_state_as_the_facts_say",
    "publishing_jobs.status": "test_states_and_kinds_are_those_of_the_facts",
    "PAYLOAD_TOO_LARGE": "test_a_body_that_is_too_long_is_refused",
    "SERVICE_UNAVAILABLE": "test_every_route_says_soon_that_it_cannot_serve",
}
"""Tests that hold entries against the platform's code where no page asks the stack for them."""

OPTIONS_TEST = "test_options_of_a_job_are_those_of_the_facts"


def _held(name: str, otherwise: str = "no") -> str:
    test = BY_TEST.get(name)
    return f"no; a test has it: `{test}`" if test else otherwise


@dataclass(frozen=True, slots=True)
class Entry:
    """One row."""

    cells: tuple[str, ...]
    """Markdown, the name first."""

    said: str
    """What is said of the comparison beside its mark; where there is none, why; empty where the
    table has no such column."""

    pattern: str
    """What is looked for in the code of pages, as a regular expression."""

    word: str
    """What a page must have for the pattern to be found in it; found sooner than a pattern."""

    prose: bool = False
    """Whether it is looked for in sentences too."""

    key: str = ""
    """The name that the comparison has for it; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One table."""

    heads: tuple[str, ...]
    """Of the cells alone."""

    entries: Callable[[Stack], Iterator[Entry]]
    compared_as: str = ""
    """The subject of the comparison, where it has another name."""


@dataclass(frozen=True, slots=True)
class Stack:
    """What the tables are made from."""

    facts: Mapping[str, Any]
    services: Mapping[str, Any]
    settings: Mapping[str, str]
    """The stack's own, by variable."""


def read(root: Path) -> Stack:
    """Reads the three files.

    Raises:
        OSError: When one is not there.
    """
    settings = (root / SETTINGS).read_text(encoding="utf-8")
    return Stack(
        _parsed((root / FACTS).read_text(encoding="utf-8")),
        _parsed((root / COMPOSE).read_text(encoding="utf-8"))["services"],
        dict(re.findall(r"(?m)^(\w+)=(.*)$", settings)),
    )


@lru_cache(maxsize=2)
def _parsed(text: str) -> Mapping[str, Any]:
    """Each table is made from the same two files, and parsing takes longer than all else."""
    found: Mapping[str, Any] = yaml.safe_load(text)
    return found


_NOT_READ = ("NEXT_PUBLIC_APP_URL",)
"""In the stack's settings as in production's; a test says that there is no other."""


def _word(name: str) -> str:
    return rf"(?<![\w-]){re.escape(name)}(?![\w-])"


def _code(text: str) -> str:
    return f"`{text}`"


def _variables(stack: Stack) -> Iterator[Entry]:
    defaults = {
        str(about["variable"]): str(about["value"])
        for about in stack.facts["job"].values()
        if "variable" in about
    }
    ours = set(stack.facts["stand-in"])
    for name in sorted(stack.facts["variables"]):
        source = stack.facts["sources"][stack.facts["variables"][name]]["path"]
        said = f"ours: {stack.facts['stand-in'][name]}" if name in ours else "no"
        said = "its value is read by nothing" if name in _NOT_READ else said
        yield Entry(
            (
                _code(name), defaults.get(name, ""),
                _code(stack.settings[name]) if stack.settings.get(name) else "", _code(source),
            ),
            said, _word(name), name, key=name,
        )  # fmt: skip


def _production_variables(stack: Stack) -> Iterator[Entry]:
    for name, source in sorted(stack.facts["production-variables"].items()):
        found = stack.facts["production-sources"].get(source)
        where = _code(found["path"]) if found else "former documents; not traced in the code"
        yield Entry((_code(name), where), "", _word(name), name)


def _tables(stack: Stack) -> Iterator[Entry]:
    references = stack.facts["references"]
    for name, columns in sorted(stack.facts["tables"].items()):
        lines = []
        for column, (kind, _) in columns.items():
            to = references.get(f"{name}.{column}")
            refers = f" → `{to['to']}`, on delete {to['on-delete']}" if to else ""
            lines.append(f"`{column}` {kind}{refers}")
        sql = rf"(?i:\b(?:from|join|into|update|table|only)\s+){name}\b"
        yield Entry(
            (_code(name), "<br>".join(lines)), "no", rf"^{name}(?:\.\w+)?$|{sql}", name, key=name
        )


def _queues(stack: Stack) -> Iterator[Entry]:
    for name, about in stack.facts["queues"].items():
        worker = "yes" if about["registered"] else "no"
        if "stand-in" in about:
            worker, said = "–", "ours: one queue for each region"
        else:
            said = "no" if about.get("here") else PRODUCTION
        yield Entry(
            (_code(name), worker), said,
            rf'^{re.escape(name)}$|bull:{re.escape(name)}:|queue="{re.escape(name)}"', name,
            key=name,
        )  # fmt: skip


def _options(stack: Stack) -> Iterator[Entry]:
    for name, about in stack.facts["job"].items():
        variable = about.get("variable", "")
        ours = about.get("stand-in")
        sought = about["value"] if name == "name" else name
        yield Entry(
            (name, f"{about['value']}", _code(variable) if variable else "fixed"),
            f"no; a test has it: `{OPTIONS_TEST}`" + (f"; {ours}" if ours else ""),
            _word(variable) if variable else rf"^{re.escape(str(sought))}$",
            variable or str(sought), key=name,
        )  # fmt: skip


def _keys(stack: Stack) -> Iterator[Entry]:
    yield from _keys_of(stack, "redis-keys")


def _queue_keys(stack: Stack) -> Iterator[Entry]:
    yield from _keys_of(stack, "bullmq-keys")


def _keys_of(stack: Stack, section: str) -> Iterator[Entry]:
    for name, about in stack.facts[section].items():
        lives = f"{about['seconds']} s" if "seconds" in about else "until it is removed"
        if "setting" in about:
            lives += f"; on the stack {int(stack.settings[about['setting']]) / 1000:g} s"
        word = re.split("[<:]", name)[0]
        yield Entry((_code(name), about["type"], lives), "no", key_pattern(name), word, key=name)


def key_pattern(name: str) -> str:
    """What a key of this kind looks like in code: its words, anything in the places between."""
    parts = [r"[^\s:`'\"]+" if "<" in part else re.escape(part) for part in name.split(":")]
    if name.startswith("bull:"):
        return r"(?<![\w:])" + ":".join(parts) + r"(?![\w:])"
    # The words before the first place are enough: pages write jwt:revoked:* too.
    fixed = name.partition("<")[0]
    return rf"(?<![\w:]){re.escape(fixed)}(?:\*|[^\s:`'\"])"


def _other_keys(stack: Stack) -> Iterator[Entry]:
    for name, whose in stack.facts["elsewhere"]["keys"].items():
        fixed = re.split(r"[<*]", name)[0]
        yield Entry((_code(name), whose), "", rf"(?<![\w:]){re.escape(fixed)}", fixed)


def _routes(stack: Stack) -> Iterator[Entry]:
    for host, key in (("api", "endpoints"), ("web", "web"), ("worker", "worker")):
        for path, about in stack.facts[key].items():
            methods = about if key == "endpoints" else {about["method"]: about}
            ours = any("stand-in" in each for each in methods.values())
            shape = re.sub(r"\\\{\w+\\\}", r"[^\\s/`'\"]+", re.escape(path))
            yield Entry(
                (_code(path), host, ", ".join(methods)),
                "ours" if ours else "no",
                rf"(?:{host}:\d+|[A-Z] |\s|^){shape}(?![\w/-])", path.partition("{")[0],
                key=f"{host} {path}",
            )  # fmt: skip


def _codes(stack: Stack) -> Iterator[Entry]:
    here: dict[str, list[str]] = {}
    for when, about in stack.facts["refusals"].items():
        if about["code"]:
            here.setdefault(about["code"], []).append(when)
    for name, status in stack.facts["production-codes"]["statuses"].items():
        yield Entry(
            (_code(name), str(status), "; ".join(here.get(name, ())) or "–"),
            _held(name, "no" if name in here else PRODUCTION), rf"(?<!ON ){_word(name)}", name,
            key=name,
        )  # fmt: skip


def _used(table: str) -> str:
    return rf"^{table}(?:\.\w+)?$|(?i:\b(?:from|join|into|update)\s+){table}\b"


def _statuses(stack: Stack) -> Iterator[Entry]:
    for name, about in stack.facts["values"].items():
        table = name.partition(".")[0]
        yield Entry(
            (
                _code(name), ", ".join(map(_code, about["values"])),
                "a constraint of the database" if about["checked"] else "the platform's code",
            ),
            _held(name), _used(table), table,
            key=name,
        )  # fmt: skip


def _transitions(stack: Stack) -> Iterator[Entry]:
    of = {
        "content-states": "content_items", "job-states": "publishing_jobs",
        "notification-states": "notifications", "media-states": "media_assets",
    }  # fmt: skip
    for key, table in of.items():
        ours = stack.facts[key].get("stand-in", {})
        for state, leads_to in stack.facts[key]["leads-to"].items():
            yield Entry(
                (_code(table), _code(state), ", ".join(map(_code, leads_to)) or "nothing"),
                _held(table) + (f"; ours: {ours[state]}" if state in ours else ""),
                _used(table), table,
            )  # fmt: skip


def _hosts(stack: Stack) -> Iterator[Entry]:
    for name, service in stack.services.items():
        about = service.get("x-drillbook", {})
        network = (service.get("networks") or {}).get("inside") or {}
        aliases = ", ".join(map(_code, network.get("aliases", ())))
        command = service.get("command", ())
        kind = "a machine without a server"
        if about.get("simulated"):
            kind = "**stands in** for somebody else's"
        elif "drillbook.inside.links" in command:
            kind = "a TCP proxy that can be cut"
        elif any("platform" in word for word in command):
            kind = "the reference platform"
        elif (about.get("programs") and command) or about.get("versions"):
            kind = "a real server"
        own = re.escape(name)
        # What no command is typed on is used by the stack that has it.
        quiet = about.get("simulated") or ("programs" in about and not command)
        names = "|".join(map(re.escape, (name, *network.get("aliases", ()))))
        yield Entry(
            (_code(name), kind, aliases, about.get("noticed-by", "")), "",
            rf"^(?:{names})$|^:on: {own}$|//(?:{names})(?![\w.-])"
            + (rf"|^:?stack: .*(?<![\w-]){own}(?![\w-])" if quiet else ""),
            "",  # it may go by another name
        )  # fmt: skip


def _deployments(stack: Stack) -> Iterator[Entry]:
    for name, about in stack.facts["deployments"].items():
        least, most = about["pods"]
        yield Entry(
            (_code(name), _code(about["namespace"]), f"{least} to {most}"), "", _word(name), name
        )


def _defects(stack: Stack) -> Iterator[Entry]:
    for number, text in sorted(stack.facts["defects"].items()):
        said = rf"^:needs-fix: .*\b{number}\b|\bdefects? (?:\d+(?:,| and) )*{number}\b"
        said += rf"|\| (?:\d+, )*{number}(?:, \d+)* \|$"  # the last column of a table of risks
        yield Entry((str(number), " ".join(text.split())), "", said, str(number), prose=True)


SUBJECTS: Mapping[str, Subject] = {
    "variables": Subject(("Variable", "Without a value", "On the stack", "Read in"), _variables),
    "production-variables": Subject(("Variable", "Read in"), _production_variables),
    "tables": Subject(("Table", "Columns"), _tables),
    "queues": Subject(("Queue", "Production has a worker"), _queues),
    "job-options": Subject(("Option", "Value", "Set by"), _options),
    "redis-keys": Subject(("Key", "Type", "Lives"), _keys),
    "bullmq-keys": Subject(("Key", "Type", "Lives"), _queue_keys, "redis-keys"),
    "other-keys": Subject(("Key", "Whose"), _other_keys),
    "routes": Subject(("Path", "Host", "Methods"), _routes),
    "error-codes": Subject(("Code", "Status", "On the stack when"), _codes),
    "statuses": Subject(("Column", "Values", "Held by"), _statuses),
    "transitions": Subject(("Table", "From", "To"), _transitions),
    "hosts": Subject(("Host", "It is", "Also named", "Loss is noticed by"), _hosts),
    "deployments": Subject(("Deployment", "Namespace", "Pods"), _deployments),
    "defects": Subject(("Number", "What the platform does, and what is mended here"), _defects),
}
