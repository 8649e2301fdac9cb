"""Names on pages that are neither the platform's, nor the stack's, nor known as somebody else's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from drillbook.errors import PageError, Where
from smartbeak_reference import pages, subjects

_VARIABLE = re.compile(r"\b[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+\b")
_DEPLOYMENT = re.compile(
    r"(?<![\w-])(?:deploy(?:ments?)?/([\w-]+)|((?:prod|staging)-[a-z]+)(?![\w-]))"
)
_HOST = re.compile(
    r"(?:[a-z]+://(?:[^\s/'\"@]*@)?|--host[ =]\"?|redis-cli (?:-e )?-h \"?)([\w.$-]+)"
)
_STATUS = re.compile(r"\bstatus\s*(?:=|<>|!=|(?i:in)\s*\()\s*('\w+'(?:\s*,\s*'\w+')*)")
_PLACE = re.compile(r"<[^>]*>|\*|[$%]|^\.\.\.$")
_LOOPBACK = ("127.0.0.1", "localhost")
_SCHEMES_OF_FILES = ("file://",)


def unknown(root: Path) -> tuple[PageError, ...]:
    """One error for each unknown name, in the order of pages and lines."""
    known = Known(subjects.read(root))
    found = []
    for path in sorted((root / "source").rglob("*.md")):
        page = pages.Page("", path.read_text(encoding="utf-8"))
        name = path.relative_to(root).as_posix()
        lines = [*known.in_text(page.text), *known.in_code(page)]
        found += [
            PageError(
                "unknown-name", f"{kind} {word!r} is not known", where=Where(name, line),
                hint=f"correct it, or give it its source in {subjects.FACTS}",
            )
            for line, kind, word in sorted(set(lines))
        ]  # fmt: skip
    return tuple(found)


class Known:
    """Every name that may stand on a page."""

    def __init__(self, stack: subjects.Stack) -> None:
        facts = stack.facts
        elsewhere = facts["elsewhere"]
        self._words = {
            *facts["variables"], *facts["production-variables"], *facts["stand-in"],
            *stack.settings, *facts["production-codes"]["statuses"], *elsewhere["words"],
        }  # fmt: skip
        self._deployments = {
            f"{environment}-{name.removeprefix('prod-')}"
            for name in facts["deployments"]
            for environment in ("prod", "staging")
        }
        self._keys = [
            name.replace("<queue>", queue).split(":")
            for name in (*facts["redis-keys"], *facts["bullmq-keys"], *elsewhere["keys"])
            for queue in (facts["queues"] if "<queue>" in name else ("",))
        ]
        first = "|".join(sorted({re.escape(parts[0]) for parts in self._keys}))
        self._key = re.compile(rf"(?<![\w:./-])(?:{first}):(?:[\w${{}}.*:-]|<[^>`]+>)+")
        self._hosts = {*_LOOPBACK, *elsewhere["hosts"]}
        for name, service in stack.services.items():
            network = (service.get("networks") or {}).get("inside") or {}
            self._hosts |= {name, *network.get("aliases", ())}
        self._statuses = {
            value
            for column, about in facts["values"].items()
            if column.endswith(".status")
            for value in about["values"]
        }

    def in_text(self, text: str) -> Iterator[tuple[int, str, str]]:
        """Line, kind and name of each unknown variable and Deployment."""
        for number, line in enumerate(text.split("\n"), 1):
            for word in _VARIABLE.findall(line):
                if word not in self._words:
                    yield number, "variable", word
            for named, short in _DEPLOYMENT.findall(line):
                if (named or short) not in self._deployments:
                    yield number, "Deployment", named or short

    def in_code(self, page: pages.Page) -> Iterator[tuple[int, str, str]]:
        """Line, kind and name of each unknown key, host and status."""
        for number, line in page.code:
            for key in self._key.findall(line):
                if not any(_fits(key.rstrip(":.").split(":"), parts) for parts in self._keys):
                    yield number, "key", key
            for found in _HOST.finditer(line):
                host = found[1].rstrip(".")
                if not found[0].startswith(_SCHEMES_OF_FILES) and not self._is_host(host):
                    yield number, "host", host
            for values in _STATUS.findall(line):
                for value in re.findall(r"\w+", values):
                    if value not in self._statuses:
                        yield number, "status", value

    def _is_host(self, host: str) -> bool:
        return not host or "$" in host or host in self._hosts


def _fits(key: list[str], known: list[str]) -> bool:
    """Whether a key, or a pattern or beginning of keys, is of a known kind."""
    for number, part in enumerate(key):
        if part == "*":
            return True
        if number == len(known):
            return known[-1] in ("*",) or "<" in known[-1]
        if part != known[number] and not (_PLACE.search(part) or _PLACE.search(known[number])):
            return False
    return True
