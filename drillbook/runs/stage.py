"""What one process of a run shares: plan, backend, server versions, results to reuse."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from drillbook import clock, control, run, seals
from drillbook import report as reports
from drillbook.control import Control
from drillbook.errors import HarnessError, PageError
from drillbook.model import (
    DrillResult,
    Page,
    Plan,
    Report,
    Result,
    Scenario,
    Snippet,
)
from drillbook.pages.console import Command
from drillbook.runs import update
from drillbook.runs.exchange import Exchange
from drillbook.runs.update import Change
from drillbook.sandboxes import stack
from drillbook.sandboxes.sandbox import Backend, Sandbox


@dataclass(frozen=True, slots=True)
class Choices:
    """What the caller chose; the same for every process of a run."""

    backend: str = "local"
    control: bool = True
    keep: bool = False
    reuse: bool = True
    ci: bool = False
    """Whether what is absent on a laptop (a server) fails instead of being skipped."""

    leave_one_out: bool = False
    update: bool = False


class Recorder:
    """A backend that remembers which server versions its sandboxes reported."""

    def __init__(self, inner: Backend) -> None:
        self.name = inner.name
        self.reported: dict[str, str] = {}
        self.absent: HarnessError | None = None
        """Set once a server program turned out not to be on this machine."""

        self._inner = inner

    def open(self, services: Sequence[str], *, label: str) -> Sandbox:
        """Opens a sandbox of the backend, see `Backend.open`."""
        self.absent = None
        try:
            sandbox = self._inner.open(services, label=label)
        except HarnessError as error:
            if error.code == "missing-server":
                self.absent = error
            raise
        self.reported.update(sandbox.versions)
        return sandbox

    def versions(self, services: Sequence[str]) -> Mapping[str, str]:
        """Versions that a sandbox with these services would report, see `Backend.versions`."""
        self.absent = None
        try:
            return self._inner.versions(services)
        except HarnessError as error:
            if error.code == "missing-server":
                self.absent = error
            raise

    def close(self) -> None:
        """Closes the backend."""
        self._inner.close()


class Stage:
    """Where scenarios are played in this process."""

    def __init__(self, root: Path, plan: Plan, choices: Choices, exchange: Exchange) -> None:
        self.root = root
        self.exchange = exchange
        self.plan = plan
        self.choices = choices
        self._backend: Recorder | None = None
        self._known: Report | None = None
        self._known_read = False
        self.changes: list[Change] = []
        """With `update`: what the pages must say for the outputs that differed."""

        self.refusals: list[str] = []
        """With `update`: outputs that cannot stand in a page, and why."""

        self._versions: dict[tuple[str, ...], Mapping[str, str]] = {}

    @property
    def backend(self) -> Recorder:
        """The backend, made when it is first needed."""
        if self._backend is None:
            self._backend = Recorder(run.make_backend(self.choices.backend, self.root))
        return self._backend

    @property
    def versions(self) -> Mapping[str, str]:
        """Server versions that the sandboxes opened so far reported."""
        return self._backend.reported if self._backend else {}

    def play(self, scenario: Scenario, *, leave_out: str = "") -> Iterator[Result | DrillResult]:
        """Plays a scenario in a sandbox of its own, see `run.play`."""
        # A run that is meant to fail must not overwrite the evidence of the real one.
        kept = self.root / "build" / ("leave-one-out" if leave_out else "evidence")
        return run.play(
            scenario,
            self.backend,
            root=self.root,
            kept=kept,
            leave_out=leave_out,
            keep=self.choices.keep and not leave_out,
            accept=self._accept if self.choices.update and not leave_out else None,
        )

    def play_control(self, scenario: Scenario) -> Control:
        """Plays a drill's control run in a sandbox of its own, see `control.play`."""
        return control.play(
            scenario, self.backend, lambda: self.exchange.told(scenario.id), root=self.root
        )

    @property
    def absent(self) -> HarnessError | None:
        """Why the last sandbox could not be had on this machine, if a program lacks."""
        return self._backend.absent if self._backend else None

    def reusable(
        self, page: Page, scenario: Scenario, steps: int
    ) -> tuple[Result | DrillResult, ...]:
        """What is known of a scenario's first steps, if all of it still stands; else nothing.

        It stands when `drillbook.verification` calls every step verified (or
        simulated, or skipped by the page), on the very server versions of now.

        Args:
            page: The scenario's page.
            scenario: What would be played.
            steps: Number of snippets asked for; one more asks for the drill's result.
        """
        known = self._report()
        if known is None:
            return ()
        wanted = replace(scenario, snippets=scenario.snippets[:steps])
        alone = Plan(self.plan.version, {}, (replace(page, scenarios=(wanted,)),))
        today = clock.today()
        good = ("verified", "simulated")
        marks = reports.verify(alone, [known], today)
        for snippet in wanted.snippets:
            state = marks[snippet.id].state
            if not (state in good or (state == "skipped" and snippet.options.skip)):
                return ()
        by_id = {result.id: result for result in known.results if result.scenario == scenario.id}
        found: list[Result | DrillResult] = []
        for snippet in wanted.snippets:
            if snippet.id not in by_id:
                return ()
            found.append(by_id[snippet.id])
        if steps > len(scenario.snippets):
            drills = {drill.id: drill for drill in known.drills}
            if reports.verify_drills(alone, [known], today)[scenario.id].state not in good:
                return ()
            found.append(drills[scenario.id])
        return tuple(found) if self._same_servers(scenario, found) else ()

    def known_control(self, page: Page, scenario: Scenario) -> bool:
        """Whether the drill stands as it is known, and was seen to stay down without its steps."""
        known = self.reusable(page, scenario, len(scenario.snippets) + 1)
        return bool(known) and getattr(known[-1], "control", "") == "stayed-down"

    def units(self, page: Page, scenario: Scenario) -> int:
        """How many units of work a scenario is, all that is known of it left out."""
        choices, is_drill = self.choices, scenario.drill is not None
        known = self.reusable(page, scenario, len(scenario.snippets) + is_drill)
        count = int(not known)
        if is_drill and choices.control:
            count += not self.known_control(page, scenario)
        if is_drill and choices.leave_one_out:
            count += 1
        return count

    def _accept(self, snippet: Snippet, command: Command | None, actual: str) -> bool:
        try:
            self.changes.append(
                update.of_command(snippet.path, command, actual, stack.load(self.root).effects)
                if command
                else update.of_block(snippet.path, snippet.line, snippet.text, actual)
            )
        except PageError as error:
            self.refusals.append(str(error))
            return False
        return True

    def close(self) -> None:
        """Releases the backend, if one was made."""
        if self._backend is not None:
            self._backend.close()

    def _report(self) -> Report | None:
        if not self._known_read and self.choices.reuse:
            path = reports.path_of(self.root / "build", self.choices.backend)
            known = reports.read(path) if path.exists() else None
            self._known = known and seals.checked(known, self.root / "build/evidence")
            self._known_read = True
        return self._known

    def _same_servers(
        self,
        scenario: Scenario,
        found: Sequence[Result | DrillResult],
    ) -> bool:
        services = scenario.services
        if services not in self._versions:
            self._versions[services] = self.backend.versions(services)
        now = self._versions[services]
        return all(
            (record.versions or {}).get(name) == version
            for record in found
            if record.status == "passed"
            for name, version in now.items()
        )


def in_ci(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a continuous integration service runs this (the variable `CI`)."""
    return environ.get("CI", "").lower() not in ("", "0", "false", "no")
