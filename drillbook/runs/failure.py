"""What a failed snippet or drill shows: where, the command, why, and what to try."""

from __future__ import annotations

import shlex
from pathlib import Path

from drillbook import evidence
from drillbook.errors import HarnessError
from drillbook.model import DrillResult, Result, Scenario, Snippet
from drillbook.pages import languages

_CONTEXT = 3
"""Lines of the snippet shown before and after the failing one."""

_TAIL = 10
"""Last lines shown of each service's log."""


def of_snippet(result: Result, snippet: Snippet, backend: str, root: Path) -> str:
    """The whole message for one snippet that failed or met an error.

    Args:
        result: Its result.
        snippet: The snippet itself.
        backend: The backend it ran on.
        root: The project's folder; the services' logs are read from the evidence there.
    """
    path, line = result.path or snippet.path, result.line or snippet.line
    headline, details = _split(result.reason)
    parts = [f"{path}:{line}: {result.status}: {headline}"]
    if path == snippet.path:
        parts.append(_excerpt(snippet, line))
    parts += [details, *_logs(root, result.evidence), *_evidence(result.evidence)]
    parts.append(_try(f"--snippet {shlex.quote(snippet.id)}", backend, result.status))
    if result.status == "failed" and languages.of(snippet).prompts:
        parts.append("     or, if the page is what is out of date, the same with --update")
    return "\n".join(part for part in parts if part)


def of_drill(result: DrillResult, scenario: Scenario, path: str, backend: str) -> str:
    """The whole message for a drill that missed an objective or whose control recovered."""
    drill = scenario.drill
    line = drill.line if drill else 0
    headline, details = _split(result.reason or "the drill did not hold")
    measured = "never" if result.recovered_s is None else f"after {result.recovered_s:.1f} s"
    figures = (
        f"  recovered {measured} + {result.people_s:g} s for people, RTO {result.rto_s:g} s\n"
        f"  lost {result.lost} of {result.acknowledged} acknowledged writes"
        f" ({result.lost_s:g} s), RPO {result.rpo_s:g} s; doubled {result.doubled}\n"
        f"  control run: {result.control}"
    )
    parts = [
        f"{path}:{line}: {result.status}: {headline}",
        f"  fault: {result.fault}",
        figures,
        details,
        *_evidence(result.evidence),
        _try(f"--drill {shlex.quote(scenario.id)}", backend, result.status),
    ]
    return "\n".join(part for part in parts if part)


def _split(reason: str) -> tuple[str, str]:
    headline, _, details = reason.partition("\n")
    return headline, details.rstrip("\n")


def _excerpt(snippet: Snippet, line: int) -> str:
    lines = snippet.text.removesuffix("\n").split("\n")
    at = line - snippet.line
    if not 0 <= at < len(lines):
        return ""
    shown = range(max(0, at - _CONTEXT), min(len(lines), at + _CONTEXT + 1))
    width = len(str(snippet.line + shown[-1]))
    return "\n".join(
        f"{'>' if index == at else ' '} {snippet.line + index:>{width}} | {lines[index]}".rstrip()
        for index in shown
    )


def _logs(root: Path, name: str) -> list[str]:
    if not name:
        return []
    try:
        more = evidence.read(root / "build" / "evidence" / name).more
    except HarnessError as error:
        return [str(error)]
    return [
        f"{title}:\n" + "\n".join(f"    {line}" for line in text.splitlines()[-_TAIL:])
        for title, text in more.items()
    ]


def _evidence(name: str) -> list[str]:
    return [f"evidence: build/evidence/{name}"] if name else []


def _try(selection: str, backend: str, status: str) -> str:
    other = "" if backend == "local" else f" --backend {backend}"
    what = "leaves the sandbox open" if status == "failed" else "leaves open what is there"
    return f"try: drillbook run {selection}{other} --keep   ({what})"
