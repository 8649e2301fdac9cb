"""A book and a backend that need no server, as a pytest plugin: `-p fake_book`.

What its snippets come to is read from `behaviour.json` of the project; what was
played, opened and closed is written to `log.txt`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from drillbook import control, evidence, run
from drillbook import plan as plans
from drillbook.control import Control
from drillbook.errors import HarnessError
from drillbook.evidence import Evidence
from drillbook.model import (
    Drill,
    DrillResult,
    Options,
    Page,
    Plan,
    Result,
    Scenario,
    Snippet,
)
from drillbook.pages import console

PATH = "source/guide.md"


def _snippet(name: str, line: int, digest: str, **options: Any) -> Snippet:
    text = f"$ {name} --first\nfirst\n$ {name} --second\nsecond\n"
    return Snippet(
        f"guide#{name}", name, "console", PATH, line, text, Options(**options), f"{digest}-{name}"
    )


def plan(digest: str = "d1") -> Plan:
    """One page: a main scenario of three snippets, and a drill that uses its first."""
    context = _snippet("context", 10, digest)
    look, tidy = _snippet("look", 20, digest), _snippet("tidy", 30, digest)
    confirm = _snippet("confirm", 50, digest, effect="read")
    promote = _snippet("promote", 60, digest, effect="write", irreversible="it is one way")
    extra = _snippet("extra", 70, digest, effect="write", optional="only tidies", irreversible="x")
    drill = Drill("primary-lost", "kill db-1", 900, 600, 0, 40)
    scenarios = (
        Scenario("guide#page", "page", "Guide", (context, look, tidy), services=("db-1",)),
        Scenario(
            "guide#primary-lost",
            "drill",
            "Primary lost",
            (context, confirm, promote, extra),
            prefix=1,
            drill=drill,
            services=("db-1",),
        ),
    )
    page = Page("guide", PATH, "sre", "monthly", "2026-11-01", ("db-1",), scenarios)
    return Plan(1, {}, (page,))


class Sandbox:
    """Reports versions, and its own end."""

    def __init__(self, folder: Path, label: str, versions: dict[str, str]) -> None:
        self.folder, self.label, self.versions = folder, label, versions

    def close(self) -> None:
        """Ends it."""
        note(self.folder, f"close {self.label}")


class Backend:
    """Opens sandboxes, unless the behaviour says that a server lacks."""

    name = "local"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, services: Sequence[str], *, label: str) -> Sandbox:
        """Opens one."""
        note(self.folder, f"open {label}")
        said = behaviour(self.folder)
        if "absent" in said:
            raise HarnessError("missing-server", said["absent"], hint="apt-get install postgresql")
        return Sandbox(self.folder, label, said.get("versions", {"postgresql": "17.10"}))

    def versions(self, services: Sequence[str]) -> dict[str, str]:
        """What a sandbox would report."""
        found: dict[str, str] = behaviour(self.folder).get("versions", {"postgresql": "17.10"})
        return found

    def close(self) -> None:
        """Ends it."""
        note(self.folder, "close backend")


def behaviour(folder: Path) -> dict[str, Any]:
    """What the test asked for."""
    path = folder / "behaviour.json"
    said: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return said


def note(folder: Path, text: str) -> None:
    """Takes down an event."""
    with (folder / "log.txt").open("a") as log:
        log.write(text + "\n")


def _seen(root: Path, scenario: Scenario, id_: str) -> str:
    """Evidence of a result; its file's name."""
    return evidence.write(root / "build/evidence", Evidence(id_, scenario.id, "local", "passed"))


def play(
    scenario: Scenario,
    backend: Any,
    *,
    root: Path,
    kept: Path,
    leave_out: str = "",
    keep: bool = False,
    accept: Any = None,
) -> Iterator[Result | DrillResult]:
    """Yields what the behaviour says of each snippet; passed where it says nothing."""
    folder = backend.folder if isinstance(backend, Backend) else backend._inner.folder
    said = behaviour(folder)
    note(folder, f"play {scenario.id} leave_out={leave_out} keep={keep}")
    started = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        sandbox = backend.open(scenario.services, label=scenario.id)
    except HarnessError as error:
        for snippet in scenario.snippets:
            yield Result(snippet.id, scenario.id, snippet.digest, "error", str(error))
        if scenario.drill:
            yield DrillResult(scenario.id, "", "kill db-1", "error", str(error))
        return
    over = ""
    try:
        for snippet in scenario.snippets:
            base = Result(
                snippet.id, scenario.id, snippet.digest, "passed", duration_s=0.25,
                started=started, path=snippet.path, line=snippet.line,
                versions=dict(sandbox.versions), evidence=_seen(root, scenario, snippet.id),
            )  # fmt: skip
            wish = said.get("snippets", {}).get(snippet.name, {})
            if snippet.name == leave_out:
                yield replace(base, status="skipped", reason="left out")
                if not said.get("green without"):
                    over = "left out"
                continue
            if wish.get("raise") == "bug":
                raise ZeroDivisionError("a bug")
            if wish.get("raise") == "interrupt":
                raise KeyboardInterrupt
            if wish.get("raise"):
                raise HarnessError(wish["raise"], "it broke", hint="mend it")
            note(folder, f"ran {snippet.name}")
            if over == "left out":
                yield replace(base, status="failed", reason="nothing promoted")
                over = "promote failed"
            elif over:
                yield replace(base, status="not-run", reason=over)
            else:
                result = replace(base, **{k: v for k, v in wish.items() if k != "prints"})
                if "prints" in wish and accept is not None:
                    first = console.parse(snippet.text, snippet.path, snippet.line)[0]
                    if accept(snippet, first, wish["prints"]):
                        result = base
                if result.status != "passed":
                    result = replace(result, evidence="")
                if result.status in ("failed", "error"):
                    over = f"{snippet.name} {result.status}"
                yield result
        if scenario.drill:
            verdict = DrillResult(
                scenario.id, scenario.snippets[-1].digest, "kill db-1", "passed", rto_s=900,
                people_s=600, recovered_s=0.5, acknowledged=40, started=started,
                versions=dict(sandbox.versions), evidence=_seen(root, scenario, scenario.id),
            )  # fmt: skip
            if over:
                verdict = replace(verdict, status="not-run", reason=over, recovered_s=None)
            yield replace(verdict, **said.get("drill", {}))
    finally:
        sandbox.close()


def play_control(scenario: Scenario, backend: Any, told: Any, *, root: Path) -> Control:
    """What the behaviour says of the control run; that users stayed unserved by default."""
    folder = backend.folder if isinstance(backend, Backend) else backend._inner.folder
    note(folder, f"control {scenario.id} told={told() and told().status}")
    known = told()
    if known and known.status != "passed":
        spared: control.Verdict = "skipped" if known.status == "skipped" else "not-run"
        return Control(scenario.id, spared, f"the drill itself is {known.status}")
    backend.open(scenario.services, label=f"{scenario.id} control").close()
    return Control(scenario.id, *behaviour(folder).get("control", ["stayed-down"]))


class _Patches:
    """Puts the fake in place for one session of pytest."""

    def __init__(self) -> None:
        self.patch = pytest.MonkeyPatch()

    def pytest_load_initial_conftests(self, early_config: pytest.Config) -> None:
        """Replaces the engine."""
        root = early_config.rootpath
        digest = behaviour(root).get("digest", "d1")
        current = None if behaviour(root).get("stale plan") else plan(digest)
        self.patch.setattr(run, "play", play)
        self.patch.setattr(control, "play", play_control)
        self.patch.setattr(run, "make_backend", lambda name, root: Backend(root))
        self.patch.setattr(plans, "load_current", lambda root: current)
        self.patch.setattr(plans, "read", lambda path: plan(digest))

    def pytest_unconfigure(self) -> None:
        """Puts the engine back."""
        self.patch.undo()


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Registers the patches, early enough for everything else."""
    pluginmanager.register(_Patches())
