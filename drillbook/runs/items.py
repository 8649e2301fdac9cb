"""The plan as pytest sees it: a file, its scenarios, and an item for each step."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from drillbook import records
from drillbook.control import Control, Verdict
from drillbook.errors import DrillbookError, HarnessError
from drillbook.model import DrillResult, Page, Result, Scenario, Snippet, Status
from drillbook.runs import failure
from drillbook.runs.playback import Outcome, Playback
from drillbook.runs.stage import Stage


class StepFailed(Exception):
    """A step's status is not passed; the text is all there is to show."""

    def __init__(self, status: Status, text: str) -> None:
        self.status = status
        super().__init__(text)


class PlanFile(pytest.File):
    """`build/plan.json`."""

    def __init__(self, *, stage: Stage, notice: Callable[[str], None], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stage = stage
        self.notice = notice

    def collect(self) -> Iterator[pytest.Collector]:
        """One collector for each scenario, in the order of the plan."""
        for page in self.stage.plan.pages:
            for scenario in page.scenarios:
                if scenario.snippets:
                    yield ScenarioNode.from_parent(
                        self, name=scenario.id, page=page, scenario=scenario
                    )


class ScenarioNode(pytest.Collector):
    """One scenario; its sandbox lives from its first item's run to its last's."""

    parent: PlanFile

    def __init__(self, *, page: Page, scenario: Scenario, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.page = page
        self.scenario = scenario
        self.steps: tuple[StepItem, ...] = ()
        """All its items in order, whatever is selected."""

        self.needed = 0
        """Number of steps, from the first, that this session runs."""

        self._playback: Playback | None = None

    def collect(self) -> list[StepItem]:
        """An item for each snippet, the objectives, the control run, each step left out."""
        if not self.steps:
            self.steps = tuple(self._make())
            self.needed = len(self.steps)
        return list(self.steps)

    def _make(self) -> Iterator[StepItem]:
        scenario, choices = self.scenario, self.parent.stage.choices
        for position, snippet in enumerate(scenario.snippets):
            yield SnippetItem.from_parent(
                self, name=snippet.name, position=position, snippet=snippet
            )
        if scenario.drill is None:
            return
        end = len(scenario.snippets)
        yield ObjectivesItem.from_parent(self, name="objectives", position=end)
        if choices.control:
            yield ControlItem.from_parent(self, name="control", position=end + 1)
        if choices.leave_one_out:
            for snippet in scenario.snippets[scenario.prefix :]:
                options = snippet.options
                writes = options.effect in ("write", "destructive")
                if writes and not (options.skip or options.optional or options.refusal_of):
                    yield WithoutItem.from_parent(
                        self, name=f"without-{snippet.name}", position=-1, left_out=snippet.name
                    )

    @property
    def playback(self) -> Playback:
        """The scenario being played; begins with the first call."""
        if self._playback is None:
            self._playback = Playback(
                self.parent.stage,
                self.page,
                self.scenario,
                min(self.needed, len(self.scenario.snippets) + 1),
                notice=self.parent.notice,
            )
        return self._playback

    def teardown(self) -> None:
        """Takes the sandbox down; pytest calls it whatever has happened."""
        if self._playback is not None:
            self._playback.close()
            self._playback = None


class StepItem(pytest.Item):
    """One line of the session's outcome."""

    parent: ScenarioNode

    def __init__(self, *, position: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.position = position
        """Index of its step in the scenario; -1 for a step that has a run of its own."""

        self.updated = False
        """Whether its output was taken as right, to be written into the page."""

        self.note: dict[str, Any] = {}
        """What the session must know of this item, as plain data (see `drillbook.runs.ledger`)."""

    @property
    def stage(self) -> Stage:
        """The process's stage."""
        return self.parent.parent.stage

    def place(self) -> tuple[str, int]:
        """Source path and 1-based line of the step."""
        drill = self.parent.scenario.drill
        return self.parent.page.path, drill.line if drill else 0

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """The page's own place, for skips, editors and JUnit."""
        path, line = self.place()
        return Path(self.config.rootpath, path), max(line, 1) - 1, f"{self.parent.name} {self.name}"

    @cached_property
    def location(self) -> tuple[str, int | None, str]:
        """The same; pytest's own way to it costs more than all the rest of an item."""
        path, line = self.place()
        return path, max(line, 1) - 1, f"{self.parent.name} {self.name}"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """The failure's own text; a traceback only for bugs of the harness."""
        if isinstance(excinfo.value, StepFailed | DrillbookError):
            return str(excinfo.value)
        return "".join(traceback.format_exception(excinfo.value))

    def tell(
        self,
        status: Status,
        reason: str,
        text: str,
        outcome: Outcome | Control | None,
        *,
        reused: bool = False,
    ) -> None:
        """Notes the step's status for the session and ends the item accordingly."""
        path, line = self.place()
        if isinstance(outcome, Result):
            path, line = outcome.path or path, outcome.line or line
        self.note = {
            "status": status,
            "scenario": self.parent.name,
            "name": self.name,
            "reason": reason,
            "path": path,
            "line": line,
            "duration_s": getattr(outcome, "duration_s", 0.0),
            "reused": reused,
            "kind": type(outcome).__name__ if outcome and not reused else "",
            "record": records.plain(outcome) if outcome and not reused else {},
            "versions": dict(self.stage.versions),
            "updated": self.updated,
        }
        if status in ("skipped", "not-run"):
            prefix = "not-run: " if status == "not-run" else ""
            raise pytest.skip.Exception(prefix + reason, _use_item_location=True)
        if status != "passed":
            raise StepFailed(status, text)


class SnippetItem(StepItem):
    """One snippet of one scenario."""

    def __init__(self, *, snippet: Snippet, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.snippet = snippet

    def place(self) -> tuple[str, int]:
        """Where the snippet stands."""
        return self.snippet.path, self.snippet.line

    def runtest(self) -> None:
        """Fetches the snippet's result, playing what comes before it if need be."""
        changes = len(self.stage.changes)
        result = self.parent.playback.outcome(self.position)
        assert isinstance(result, Result)
        self.updated = len(self.stage.changes) > changes
        text = ""
        if result.status in ("failed", "error"):
            stage = self.stage
            text = failure.of_snippet(result, self.snippet, stage.choices.backend, stage.root)
        reused = self.parent.playback.reused
        self.tell(result.status, result.reason, text, result, reused=reused)


class ObjectivesItem(StepItem):
    """Whether a drill met its objectives."""

    def runtest(self) -> None:
        """Fetches the drill's result, which comes after its last snippet's."""
        result = self.parent.playback.outcome(self.position)
        assert isinstance(result, DrillResult)
        self.stage.exchange.tell(result)
        page = self.parent.page
        text = failure.of_drill(result, self.parent.scenario, page.path, self.stage.choices.backend)
        reused = self.parent.playback.reused
        self.tell(result.status, result.reason, text, result, reused=reused)


class ControlItem(StepItem):
    """Whether the drill stays down with its write steps left out: a run of its own."""

    def runtest(self) -> None:
        """Plays the control run, unless its verdict still stands."""
        node, stage = self.parent, self.stage
        if stage.known_control(node.page, node.scenario):
            return self.tell("passed", "", "", None, reused=True)
        # The drill's own run is over, or it is another process's: one sandbox at a time here.
        node.teardown()
        try:
            control = stage.play_control(node.scenario)
        except HarnessError as error:
            if stage.absent is not None and not stage.choices.ci:
                return self.tell("skipped", str(error), "", None)
            control = Control(node.scenario.id, "error", str(error))
        status = _OF_CONTROL[control.verdict]
        path, line = self.place()
        text = f"{path}:{line}: {status}: {node.name}, its control run: {control.reason}"
        self.tell(status, control.reason, text, control)


_OF_CONTROL: Mapping[Verdict, Status] = {
    "stayed-down": "passed",
    "recovered": "failed",
    "not-run": "not-run",
    "skipped": "skipped",
    "error": "error",
}


class WithoutItem(StepItem):
    """Whether a drill turns red when one of its write steps is left out."""

    def __init__(self, *, left_out: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.left_out = left_out

    def place(self) -> tuple[str, int]:
        """Where the step that is left out stands."""
        snippets = self.parent.scenario.snippets
        return next((s.path, s.line) for s in snippets if s.name == self.left_out)

    def runtest(self) -> None:
        """Plays the whole drill without the step; a green drill fails."""
        node = self.parent
        # The other run of this scenario is over: one sandbox at a time.
        node.teardown()
        path, line = self.place()
        outcomes: list[Outcome] = []
        try:
            outcomes += self.stage.play(node.scenario, leave_out=self.left_out)
        except HarnessError as error:
            self.tell("error", str(error), str(error), None)
        if self.stage.absent is not None and not self.stage.choices.ci:
            self.tell("skipped", str(self.stage.absent), "", None)
        statuses = {outcome.status for outcome in outcomes}
        if "failed" in statuses:
            self.tell("passed", "", "", None)
        elif "error" in statuses or not outcomes:
            reason = next((o.reason for o in outcomes if o.status == "error"), "no results")
            self.tell("error", reason, f"{path}:{line}: error: {reason}", None)
        else:
            reason = (
                f"the drill passes without the step `{self.left_out}`: either the step is not"
                " needed (say so with `optional`) or the drill does not notice"
            )
            self.tell("failed", reason, f"{path}:{line}: failed: {reason}", None)
