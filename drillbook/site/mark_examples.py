"""Shows what marks look like that a passing book has nowhere: labelled examples.

The lines are made by the code that makes the real ones, from small invented runs,
so that they cannot come to look or to read otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from docutils import nodes
from markupsafe import Markup
from sphinx.util.docutils import SphinxDirective

from drillbook.model import Options, Page, Plan, Report, Result, Scenario, Snippet, Status
from drillbook.pages.blocks import MADE
from drillbook.site import panels, templates
from drillbook.site.wording import MEANINGS
from drillbook.verification import STATES, State, Verification, verify

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

_HTML = templates.macros("mark_examples")

LABEL = "Example, not a result"
"""Stands in each frame, so that none is taken for a result."""

ADVICE: Mapping[State, str] = {
    "simulated": "Use it, and watch more closely: the real service may answer differently.",
    "skipped": "Read the reason. This command has never been seen to work here: judge it yourself.",
    "stale": "Read it before you use it: it worked on an earlier version of the page or the stack.",
    "not-run": "Do not rely on it. Look for the block above it that failed.",
    "error": "Nothing is known of the block. Repair the test environment, not the page.",
    "failed": "Do not use it as printed. Read the reason, and escalate if you need this step.",
}
"""What a reader should do at each state but verified, which a page can show for real."""

_COMMAND = "$ psql -c 'SELECT pg_is_in_recovery()'"
_AS_EXAMPLE = 'class="db-example-mark" style="font-size: var(--font-size--small, 8.5pt)"'
_WHEN = "2026-01-02T03:04:05Z"
_TODAY = date(2026, 1, 2)
_DIGEST = "d"

_REASONS: Mapping[Status, str] = {
    "failed": f"it printed something else\n    {_COMMAND}\n      -t\n      +f",
    "error": "service-exited: db-1 ended with status 1 before db-2 was healthy",
    "not-run": "promote-replica (source/example.md:40) failed",
}


def example(state: State) -> Verification:
    """A verification of that state, from a run that never was."""
    # Only a name: that it stands in is said in the result.
    simulated = ("payments",) if state == "simulated" else ()
    options = Options(skip="needs the AWS console", until="2026-03-01")
    snippet = Snippet(
        "example#block", "block", "console", "source/example.md", 52, "$ true\n",
        options if state == "skipped" else Options(), _DIGEST,
    )  # fmt: skip
    scenario = Scenario("example#page", "page", "Example", (snippet,))
    page = Page("example", "source/example.md", "", "", "", (), (scenario,))
    status: Status = state if state in ("failed", "error", "skipped", "not-run") else "passed"
    result = Result(
        snippet.id, scenario.id, "other" if state == "stale" else _DIGEST, status,
        _REASONS.get(status, ""), duration_s=0.21, started=_WHEN,
        simulated=simulated,
    )  # fmt: skip
    report = Report(
        1, _WHEN, _WHEN, "", "local", {"postgresql": "15.0"},
        simulated, (result,), (),
    )  # fmt: skip
    # Without an end: an example holds as long as the book.
    return replace(verify(Plan(1, {}, (page,)), [report], _TODAY)[snippet.id], until="")


def boxes() -> str:
    """For each state but verified a framed block with its mark, its meaning, what to do."""
    return "".join(_box(state) for state in STATES if state in ADVICE)


def _box(state: State) -> str:
    meaning = MEANINGS[state][0].upper() + MEANINGS[state][1:]
    return str(_HTML.box(LABEL, state, _COMMAND, Markup(_mark(state)), meaning, ADVICE[state]))


def _mark(state: State) -> str:
    """The line as `panels` makes it, but for what would have it counted as a result."""
    line = panels.mark(example(state), lambda file: "")
    return line.replace(f'class="db-mark" data-state="{state}"', _AS_EXAMPLE)


class MarkExamples(SphinxDirective):
    """`{drillbook-mark-examples}`: each mark once, labelled as an example."""

    def run(self) -> list[nodes.Node]:
        """The boxes."""
        return [nodes.raw("", boxes(), format="html", **{MADE: True})]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers the directive."""
    app.add_directive("drillbook-mark-examples", MarkExamples)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
