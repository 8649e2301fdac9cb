"""One scenario being played: each step's result, fetched when its turn comes."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterator

from drillbook import clock
from drillbook.errors import DrillbookError, HarnessError
from drillbook.model import DrillResult, Page, Result, Scenario, Status
from drillbook.runs.stage import Stage

Outcome = Result | DrillResult

SLOW_START_S = 3.0
"""Seconds without a first result after which a line says what is being waited for."""


class Playback:
    """The results of one scenario's steps, fetched one by one from a single run."""

    def __init__(
        self,
        stage: Stage,
        page: Page,
        scenario: Scenario,
        steps: int,
        *,
        notice: Callable[[str], None],
    ) -> None:
        self.reused = False
        """Whether the results are those of an earlier run."""

        self._stage = stage
        self._page = page
        self._scenario = scenario
        self._notice = notice
        self._steps = steps
        self._done: list[Outcome] = []
        self._play: Iterator[Outcome] | None = None
        self._broken = ""

    def outcome(self, position: int) -> Outcome:
        """The result at a position, after those of all the positions before it."""
        while len(self._done) <= position:
            self._done.append(self._next())
        return self._done[position]

    def close(self) -> None:
        """Ends the run, wherever it stands."""
        play, self._play = self._play, None
        close = getattr(play, "close", None)
        if close is not None:
            close()

    def _next(self) -> Outcome:
        if self._broken:
            return self._absent() or self._made_up(
                "not-run", f"the harness broke at {self._broken}"
            )
        try:
            if self._play is None:
                self._play = self._begin()
            outcome = next(self._play)
            self._in_step(outcome)
        except DrillbookError as error:
            return self._absent() or self._break(str(error))
        except StopIteration:
            return self._break("no-result: the run ended without a result for this step")
        except Exception:
            return self._break(f"unexpected: a bug in the harness\n{traceback.format_exc()}")
        return self._absent() or outcome

    def _absent(self) -> Outcome | None:
        """A skip, when there was no sandbox because a laptop lacks a server program."""
        absent = self._stage.absent
        if absent is None or self._stage.choices.ci:
            return None
        self._broken = "the start"
        return self._made_up("skipped", str(absent))

    def _begin(self) -> Iterator[Outcome]:
        page, scenario = self._page, self._scenario
        known = self._stage.reusable(page, scenario, self._steps)
        if known:
            self.reused = True
            return iter(known)
        return self._announced(
            self._stage.play(scenario),
            f"{scenario.id}: waiting for its sandbox",
        )

    def _announced(self, play: Iterator[Outcome], text: str) -> Iterator[Outcome]:
        timer = threading.Timer(SLOW_START_S, self._notice, (text,))
        timer.daemon = True
        timer.start()
        try:
            for outcome in play:
                timer.cancel()
                yield outcome
        finally:
            timer.cancel()
            close = getattr(play, "close", None)
            if close is not None:
                close()

    def _in_step(self, outcome: Outcome) -> None:
        position, snippets = len(self._done), self._scenario.snippets
        expected = snippets[position].id if position < len(snippets) else self._scenario.id
        if outcome.id != expected:
            raise HarnessError(
                "out-of-step", f"the run gave the result of {outcome.id} instead of {expected}"
            )

    def _break(self, reason: str) -> Outcome:
        position, snippets = len(self._done), self._scenario.snippets
        self._broken = snippets[position].name if position < len(snippets) else "the objectives"
        self.close()
        return self._made_up("error", reason)

    def _made_up(self, status: Status, reason: str) -> Outcome:
        position, scenario = len(self._done), self._scenario
        now = clock.stamp()
        if position < len(scenario.snippets):
            snippet = scenario.snippets[position]
            return Result(
                snippet.id, scenario.id, snippet.digest, status, reason,
                started=now, path=snippet.path, line=snippet.line,
            )  # fmt: skip
        drill = scenario.drill
        if drill is None:
            raise HarnessError("out-of-step", f"{scenario.id} has no step {position}")
        return DrillResult(
            scenario.id, scenario.snippets[-1].digest, drill.fault, status, reason,
            rto_s=drill.rto_s, people_s=drill.people_s, rpo_s=drill.rpo_s, started=now,
        )  # fmt: skip
