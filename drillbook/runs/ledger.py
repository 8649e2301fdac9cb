"""The session's own account: report file, JUnit, annotations, exit status.

One process keeps it: the one that started the session. Items, in whatever process
they run, send it their notes as plain data (`StepItem.note`).
"""

from __future__ import annotations

import contextlib
import subprocess
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from drillbook import clock, control, records, seals
from drillbook import report as reports
from drillbook.control import Control
from drillbook.errors import HarnessError
from drillbook.model import DrillResult, Plan, Report, Result
from drillbook.runs import junit
from drillbook.runs.annotation import annotation
from drillbook.sandboxes import stack
from drillbook.verification import tally, verify, verify_drills

EXIT_FAILED, EXIT_BROKEN = 1, 3


class Ledger:
    """What came of every step of this session."""

    def __init__(self, root: Path, plan: Plan, backend: str) -> None:
        self.root = root
        self.plan = plan
        self.backend = backend
        self.notes: list[dict[str, Any]] = []
        self.broken: list[str] = []
        """Texts of errors that belong to no step, such as a tear-down's."""

        self.remark = ""
        """What to tell beside the results; empty for nothing."""

        self._started = clock.stamp()

    def add(self, note: dict[str, Any]) -> None:
        """Takes down one step."""
        self.notes.append(note)

    def exit_status(self, of_pytest: int) -> int:
        """The session's exit status, given pytest's own.

        A broken harness outweighs a failed page: nothing in such a run can be trusted.
        """
        if of_pytest not in (0, EXIT_FAILED):
            return of_pytest
        count = Counter(note["status"] for note in self.notes)
        # Nothing is "not run" but for an earlier failure, so alone it is a contradiction.
        unexplained = count["not-run"] and not count["failed"]
        if count["error"] or self.broken or unexplained:
            return EXIT_BROKEN
        return EXIT_FAILED if count["failed"] else of_pytest

    def write(self) -> Path | None:
        """Joins what ran into the backend's report and writes JUnit; None if nothing ran."""
        if not self.notes:
            return None
        build = self.root / "build"
        junit.write(self.notes, build / f"junit-doctest-{self.backend}.xml", self.backend)
        results = [records.record(Result, r, "result") for r in self._records("Result")]
        path = reports.path_of(build, self.backend)
        drills = self._drills(path)
        if not results and not drills:
            return path
        run = Report(
            version=reports.VERSION,
            started=self._started,
            finished=clock.stamp(),
            commit=commit(self.root, self.plan.inputs),
            backend=self.backend,
            versions={k: v for note in self.notes for k, v in note["versions"].items()},
            simulated=self._simulated({record.scenario for record in results}),
            results=tuple(seals.sealed(result, build / "evidence") for result in results),
            drills=tuple(seals.sealed(drill, build / "evidence") for drill in drills),
        )
        try:
            if path.exists():
                reports.read(path)
        except HarnessError as error:
            self.remark = f"{error.code}: {error.message} It is set aside as {path.name}.damaged."
        reports.update(path, run, plan=self.plan)
        return path

    def _drills(self, path: Path) -> list[DrillResult]:
        """The drills' results, each joined with its control run, wherever that ran.

        A control run alone joins what is known of its drill.
        """
        drills = {
            r["id"]: records.record(DrillResult, r, "drill") for r in self._records("DrillResult")
        }
        controls = [Control(r["id"], r["verdict"], r["reason"]) for r in self._records("Control")]
        if any(each.id not in drills for each in controls):
            with contextlib.suppress(HarnessError):
                report = seals.checked(reports.read(path), self.root / "build/evidence")
                known = {drill.id: reports.stamped(drill, report) for drill in report.drills}
                drills = {c.id: known[c.id] for c in controls if c.id in known} | drills
        for each in controls:
            if each.id in drills:
                drills[each.id] = control.joined(drills[each.id], each)
                control.record(self.root / "build/evidence", drills[each.id])
        return list(drills.values())

    def annotations(self) -> list[str]:
        """A workflow command of GitHub for each step that failed, on the page's own line."""
        return [
            annotation(
                note["path"],
                note["line"],
                f"{note['status']}: {note['scenario']} {note['name']}",
                note["reason"],
            )
            for note in self.notes
            if note["status"] in ("failed", "error")
        ]

    def absent(self) -> list[str]:
        """What this machine lacks, so that scenarios were skipped, and how to get it."""
        reasons = (note["reason"] for note in self.notes if note["status"] == "skipped")
        return list(dict.fromkeys(text for text in reasons if text.startswith("missing-server: ")))

    def _records(self, kind: str) -> Iterable[dict[str, Any]]:
        return (note["record"] for note in self.notes if note["kind"] == kind)

    def _simulated(self, scenarios: set[str]) -> tuple[str, ...]:
        needed = {
            service
            for page in self.plan.pages
            for scenario in page.scenarios
            if scenario.id in scenarios
            for service in scenario.services
        }
        if not needed:
            return ()
        services = stack.load(self.root).closure(sorted(needed))
        return tuple(sorted(service.name for service in services if service.simulated))


def counts(root: Path, plan: Plan) -> str:
    """One line: how many snippets and drills of the book are in which state."""
    known = reports.read_all(root / "build")
    today = clock.today()
    snippets = [mark.state for mark in verify(plan, known, today).values()]
    drills = [mark.state for mark in verify_drills(plan, known, today).values()]
    return f"{_tally('snippet', snippets)}; {_tally('drill', drills)}"


def commit(root: Path, inputs: Iterable[str] = ()) -> str:
    """The commit of the pages, with `+` when what ran is not of that commit.

    Args:
        root: The project's folder.
        inputs: Paths of what the results depend on (`drillbook.plan.inputs`). A file that
            git does not know is of no commit, even where git is told to ignore it.

    Returns:
        The commit's name, with or without `+`; empty without git or a commit.
    """
    try:
        head = _git(root, "rev-parse", "HEAD").strip()
        changed = _git(root, "status", "--porcelain", "--untracked-files=normal")
        known = set(_git(root, "ls-files", "-z").split("\0"))
    except (OSError, subprocess.CalledProcessError):
        return ""
    unknown = any(path not in known and (root / path).is_file() for path in inputs)
    return head + ("+" if changed or unknown else "")


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _tally(noun: str, states: list[Any]) -> str:
    named = ", ".join(f"{n} {state}" for state, n in tally(states).items() if n)
    plural = noun if len(states) == 1 else noun + "s"
    return f"{len(states)} {plural}" + (f": {named}" if named else "")
