"""Draws a flow from its data: its arrows in order, its states, and what it promises."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective
from sphinxcontrib.mermaid import mermaid

from drillbook.errors import PageError
from drillbook.site import flows
from drillbook.site.flows import Flow, Participant, States, Step

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata, OptionSpec

_WIDTH = 24
"""Characters of a label before it goes on in the next line: readable on a phone."""

_NARROW = '%%{init: {"sequence": {"actorMargin": 10, "width": 90, "messageMargin": 25}}}%%'
_MARKED = {"#": "#35;", ";": "#59;", "<": "#lt;", ">": "#gt;"}
_LEGEND = (
    "Solid arrow: a call, seen on the stack. Open arrow: an answer. Dashed arrow: production"
    " only, not on the stack."
)

PROMISES: Mapping[str, str] = {
    "trigger": "Begins with",
    "owner": "Owner",
    "delivery": "Delivery",
    "ordering": "Order",
    "idempotency": "Twice is once",
    "loss": "Can be lost",
    "retention": "Kept for",
    "dead_letters": "Dead letters",
    "boundaries": "Trust boundaries crossed",
}
"""What every flow says of itself, with the words of the book."""


def parts(flow: Flow) -> Iterator[tuple[str, tuple[Step, ...]]]:
    """The flow's diagrams: the title of each, empty if there is only one, and its steps."""
    title, found = "", list[Step]()
    for step in flow.steps:
        if step.part:
            if found:
                yield title, tuple(found)
            title, found = step.part, []
        else:
            found.append(step)
    yield title, tuple(found)


def sequence(steps: tuple[Step, ...], known: Mapping[str, Participant], first: int = 1) -> str:
    """Arrows as Mermaid text, numbered from `first`."""
    names = dict.fromkeys(
        name for step, _ in flows.walk(steps) for name in (step.source, step.target) if name
    )
    lines = [_NARROW, "sequenceDiagram", f"  autonumber {first}"]
    for name in names:
        kind = "actor" if known[name].kind == "person" else "participant"
        lines.append(f"  {kind} {_id(name)} as {_label(known[name].label, 14)}")
    lines += _arrows(steps, "  ")
    return "\n".join(lines)


def _arrows(steps: Sequence[Step], indent: str) -> Iterator[str]:
    for step in steps:
        if step.case:
            yield f"{indent}opt {_label(step.case, 40)}"
            yield from _arrows(step.steps, indent + "  ")
            yield f"{indent}end"
        elif step.note:
            yield f"{indent}Note over {_id(step.at)}: {_label(step.note)}"
        else:
            arrow = "-->>" if step.absent else "-)" if step.answer else "->>"
            ends = f"{_id(step.source)}{arrow}{_id(step.target)}"
            yield f"{indent}{ends}: {_label(step.call or step.answer)}"


def state_diagram(states: States) -> str:
    """States and what leads from one to another, as Mermaid text."""
    lines = ["stateDiagram-v2", f"  [*] --> {states.begin}"]
    for move in states.moves:
        said = f"{move.when} (production only)" if move.absent else move.when
        lines.append(f"  {move.source} --> {move.target}: {_label(said)}")
    return "\n".join(lines)


def in_words(title: str, steps: tuple[Step, ...], known: Mapping[str, Participant]) -> str:
    """What the diagram shows, for those who do not see it."""
    said = []
    for step, case in flows.walk(steps):
        if step.note:
            continue
        only = f"If {case}: " if case else ""
        ends = f"{known[step.source].label} to {known[step.target].label}"
        dashed = ", production only" if step.absent else ""
        said.append(f"{only}{ends}: {step.call or step.answer}{dashed}.")
    return f"Sequence of {title}. {' '.join(said)}"


def states_in_words(states: States) -> str:
    """What the diagram of states shows."""
    moves = " ".join(f"{each.source} to {each.target}: {each.when}." for each in states.moves)
    return f"States of {states.of}. It begins in {states.begin}. {moves}"


def _id(name: str) -> str:
    return name.replace("-", "_")


def _label(text: str, width: int = _WIDTH) -> str:
    escaped = re.sub(r"[#;<>]", lambda found: _MARKED[found[0]], text)
    return "<br>".join(textwrap.wrap(escaped, width, break_long_words=False))


class _FlowDirective(SphinxDirective):
    """What the directives about a flow share: `FILE`, below the project's folder."""

    required_arguments = 1

    def read(self) -> tuple[Flow, Mapping[str, Participant]]:
        """The flow; what is wrong with it is an error of the page."""
        root = Path(self.env.app.confdir)
        path = root / self.arguments[0]
        for file in (path, path.parent / flows.PARTICIPANTS, __file__, flows.__file__):
            self.env.note_dependency(str(file))
        try:
            return flows.read(path, root), flows.participants(path.parent, root)
        except PageError as error:
            raise self.error(str(error)) from error

    def figure(self, code: str, alt: str, caption: str) -> nodes.figure:
        """A diagram with its title."""
        drawing = mermaid("", code=code, alt=alt, options={})
        self.set_source_info(drawing)
        return nodes.figure("", drawing, nodes.caption("", caption), align="default")

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[nodes.Node]:
        """A table whose cells may hold the markup of pages."""
        lines = [heads, ["---"] * len(heads), *rows]
        text = "\n".join(f"| {' | '.join(_cell(each) for each in line)} |" for line in lines)
        return self.parse_text_to_nodes(text)


def _wait(limit: str) -> str:
    return "no limit" if limit == "none" else limit and f"≤ {limit}"


def _cell(text: str) -> str:
    """A cell's Markdown; what stands between angle brackets is a name, not HTML."""
    pieces = text.replace("\n", " ").replace("|", "\\|").strip().split("`")
    pieces[::2] = [piece.replace("<", "\\<").replace("\\<br>", "<br>") for piece in pieces[::2]]
    return "`".join(pieces) or " "


class FlowDirective(_FlowDirective):
    """`{flow} FILE`: the arrows in a diagram, and each with its technology and its limit."""

    option_spec: ClassVar[OptionSpec | None] = {"without-table": directives.flag}

    def run(self) -> list[nodes.Node]:
        """The diagram and its table."""
        flow, known = self.read()
        made: list[nodes.Node] = []
        first = 1
        for title, steps in parts(flow):
            named = f"{flow.title}: {title}" if title else flow.title
            code, alt = sequence(steps, known, first), in_words(named, steps, known)
            made.append(self.figure(code, alt, f"{named}. {_LEGEND}"))
            first += sum(1 for step, _ in flows.walk(steps) if not step.note)
        if "without-table" in self.options:
            return made
        rows = []
        arrows = (each for each in flows.walk(flow.steps) if not each[0].note)
        for number, (step, case) in enumerate(arrows, start=1):
            ends = f"{known[step.source].label} → {known[step.target].label}"
            said = step.call or f"answers {step.answer}"
            how = "; ".join(each for each in (step.by, _wait(step.limit)) if each)
            seen = "<br>".join(f"`{each.partition(' : ')[2]}`" for each in step.seen)
            seen = f"no: {step.absent}" if step.absent else step.untraced or seen
            rows.append((str(number), ends, f"if {case}: {said}" if case else said, how, seen))
        heads = ("#", "From → to", "Call", "By; waits at most", "Seen on the stack as")
        return [*made, *self.table(heads, rows)]


class FlowStates(_FlowDirective):
    """`{flow-states} FILE`: the states of what the flow is about."""

    def run(self) -> list[nodes.Node]:
        """The diagram, and a table of its arrows."""
        flow, _ = self.read()
        if flow.states is None:
            raise self.error(f"{self.arguments[0]} has no `states`")
        states = flow.states
        caption = f"{flow.title}: states of {states.of}."
        drawing = self.figure(state_diagram(states), states_in_words(states), caption)
        rows = [
            (f"`{each.source}`", f"`{each.target}`", each.when, each.absent or "yes")
            for each in states.moves
        ]
        return [drawing, *self.table(("From", "To", "When", "On the stack"), rows)]


class FlowPromises(_FlowDirective):
    """`{flow-promises} FILE`: delivery, order, loss, and what can go wrong."""

    def run(self) -> list[nodes.Node]:
        """Two tables."""
        flow, _ = self.read()
        rows = [(words, str(getattr(flow, name))) for name, words in PROMISES.items()]
        made = self.table(("", "What holds"), rows)
        if flow.troubles:
            heads = ("When", "Then", "Users see", "Tried again")
            made += self.table(
                heads, [(each.when, each.then, each.seen, each.again) for each in flow.troubles]
            )
        return made


class FlowSummary(_FlowDirective):
    """`{flow-summary} FOLDER`: every flow of a folder, one promise of each in a column."""

    option_spec: ClassVar[OptionSpec | None] = {"columns": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """The table."""
        folder = Path(self.env.app.confdir, self.arguments[0])
        columns = [name.strip() for name in self.options["columns"].split(",")]
        if unknown := [name for name in columns if name not in PROMISES]:
            raise self.error(f"no flow says {', '.join(unknown)}: {', '.join(PROMISES)} are said")
        rows = []
        for path in sorted(folder.glob("*.yaml")):
            if path.name == flows.PARTICIPANTS:
                continue
            self.arguments[0] = path.relative_to(self.env.app.confdir).as_posix()
            flow, _ = self.read()
            rows.append((flow.title, *(str(getattr(flow, name)) for name in columns)))
        return self.table(("Flow", *(PROMISES[name] for name in columns)), rows)


_DIRECTIVES: Mapping[str, Callable[..., SphinxDirective]] = {
    "flow": FlowDirective,
    "flow-states": FlowStates,
    "flow-promises": FlowPromises,
    "flow-summary": FlowSummary,
}


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers the directives."""
    for name, directive in _DIRECTIVES.items():
        app.add_directive(name, directive)  # type: ignore[arg-type]
    return {"parallel_read_safe": True, "parallel_write_safe": True}
