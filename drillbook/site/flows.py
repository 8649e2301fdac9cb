"""Flows as data: who calls whom, in which states things are, what can go wrong.

One YAML file says what a flow is. The book draws it, and the stack's own check compares
it with the calls that running processes were seen to make.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from drillbook.errors import PageError, Where

PARTICIPANTS = "participants.yaml"
"""Who takes part in the flows of a folder."""

Text = Annotated[str, Field(min_length=1)]
Kind = Literal["person", "process", "store", "external"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Participant(_Strict):
    """Who takes part in a flow."""

    label: Text
    """Its name in diagrams."""

    kind: Kind
    """Person, process of the platform, store of the platform, or somebody else's service."""

    technology: Text
    """What it is made of."""

    spans: tuple[str, ...] = ()
    """Its names in the arrows that the stack is seen to make; a name may begin another."""


class Step(_Strict):
    """An arrow, an answer, a note, or steps that only happen in a case."""

    source: Annotated[str, Field(alias="from")] = ""
    target: Annotated[str, Field(alias="to")] = ""
    call: str = ""
    """What is asked for; the arrow's label."""

    answer: str = ""
    """What comes back, in place of `call`."""

    by: str = ""
    """Protocol or library."""

    limit: str = ""
    """Longest that the caller waits."""

    absent: str = ""
    """Why nobody can see this arrow on the stack; it is drawn dashed."""

    untraced: str = ""
    """Why no span shows this arrow, which the stack does make."""

    seen: tuple[str, ...] = ()
    """What shows it on the stack, each as `caller -> called : operation`."""

    note: str = ""
    """A remark over `at`, in place of an arrow."""

    at: str = ""
    case: str = ""
    """What must happen for `steps` to happen, in place of an arrow."""

    steps: tuple[Step, ...] = ()
    part: str = ""
    """Title of a diagram of its own that begins here, in place of an arrow."""

    @property
    def compared(self) -> bool:
        """Whether it is an arrow that the stack can be seen to make."""
        return bool(self.call) and not self.absent and not self.untraced


class Move(_Strict):
    """A change of state."""

    source: Annotated[str, Field(alias="from")]
    target: Annotated[str, Field(alias="to")]
    when: Text
    absent: str = ""
    """Why the stack never makes it."""


class States(_Strict):
    """The states of what a flow is about."""

    of: Text
    """Where they are kept, for example `publishing_jobs.status`."""

    begin: Text
    moves: tuple[Move, ...]
    facts: str = ""
    """Section of the facts that lists the same moves, if one does."""


class Trouble(_Strict):
    """What can go wrong, and what comes of it."""

    when: Text
    then: Text
    seen: Text
    """What users see."""

    again: Text
    """Who tries again, and when."""


class Flow(_Strict):
    """A flow."""

    title: Text
    purpose: Text
    trigger: Text
    owner: Text
    delivery: Text
    ordering: Text
    idempotency: Text
    loss: Text
    retention: Text
    dead_letters: Annotated[str, Field(alias="dead-letters", min_length=1)]
    boundaries: Text
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    states: States | None = None
    troubles: tuple[Trouble, ...] = ()


def walk(steps: tuple[Step, ...], case: str = "") -> Iterator[tuple[Step, str]]:
    """Every arrow, answer and note with the case it happens in; empty for always."""
    for step in steps:
        if step.case:
            yield from walk(step.steps, step.case)
        elif not step.part:
            yield step, case


def participants(folder: Path, root: Path) -> Mapping[str, Participant]:
    """Who takes part in the flows of a folder, by short name.

    Args:
        folder: The folder.
        root: The project's folder, which places in errors are relative to.

    Raises:
        PageError: `bad-flow`, with the line.
    """
    path = folder / PARTICIPANTS
    data, node = _load(path, root)
    if not isinstance(data, dict):
        raise PageError("bad-flow", "It is not a mapping.", where=_where(path, root, node, ()))
    found = {}
    for name, about in data.items():
        try:
            found[name] = Participant.model_validate(about)
        except ValidationError as error:
            raise _bad(error, path, root, node, (name,)) from error
    return found


def read(path: Path, root: Path) -> Flow:
    """A flow.

    Args:
        path: Its file, beside the file of participants.
        root: The project's folder, which places in errors are relative to.

    Raises:
        PageError: `bad-flow`, `unknown-participant` or `unknown-state`, with the line.
    """
    data, node = _load(path, root)
    try:
        flow = Flow.model_validate(data)
    except ValidationError as error:
        raise _bad(error, path, root, node, ()) from error
    known = participants(path.parent, root)
    for place, step in _placed(flow.steps, ("steps",)):
        _check_step(step, known, _where(path, root, node, place))
    if flow.states is not None:
        _check_states(flow.states, path, root, node)
    return flow


def lines(path: Path, root: Path) -> Mapping[int, int]:
    """The line of each step that is no case, by its number in `walk`."""
    _, node = _load(path, root)
    flow = read(path, root)
    places = [
        place for place, step in _placed(flow.steps, ("steps",)) if not (step.case or step.part)
    ]
    return {at: _where(path, root, node, place).line for at, place in enumerate(places)}


_Place = tuple[str | int, ...]


def _placed(steps: tuple[Step, ...], place: _Place) -> Iterator[tuple[_Place, Step]]:
    for at, step in enumerate(steps):
        yield (*place, at), step
        yield from _placed(step.steps, (*place, at, "steps"))


def _check_step(step: Step, known: Mapping[str, Participant], where: Where) -> None:
    said = [name for name in ("call", "answer", "note", "case", "part") if getattr(step, name)]
    if len(said) != 1:
        message = "A step has one of `call`, `answer`, `note`, `case` and `part`."
        raise PageError("bad-flow", message, where=where)
    if bool(step.case) != bool(step.steps):
        raise PageError("bad-flow", "A `case` has `steps`, and only a case has.", where=where)
    names = {"note": (step.at,), "case": (), "part": ()}.get(said[0], (step.source, step.target))
    _check_seen(step, known, where)
    for name in names:
        if name not in known:
            raise PageError(
                "unknown-participant",
                f"Nobody is called `{name}`." if name else "It does not say who.",
                where=where,
                hint=f"{PARTICIPANTS} lists them: {', '.join(known)}.",
            )


def _check_seen(step: Step, known: Mapping[str, Participant], where: Where) -> None:
    if bool(step.seen) != step.compared:
        message = (
            "A call has `seen`, or `absent` or `untraced` says why not; nothing else has them."
        )
        raise PageError("uncompared", message, where=where)
    for arrow in step.seen:
        ends, colon, _ = arrow.partition(" : ")
        caller, dash, called = ends.partition(" -> ")
        for name, side in ((caller, step.source), (called, step.target)):
            spans = known[side].spans if side in known else (name,)
            if not (colon and dash and name.startswith(spans)):
                raise PageError(
                    "other-ends",
                    f"`{arrow}` is not from `{step.source}` to `{step.target}`.",
                    where=where,
                    hint=f"`{side}` is seen as {', '.join(spans) or 'nothing'}.",
                )


def _check_states(states: States, path: Path, root: Path, node: yaml.Node) -> None:
    reached = {states.begin}
    for at, move in enumerate(states.moves):
        if move.source not in reached | {each.target for each in states.moves}:
            raise PageError(
                "unknown-state",
                f"Nothing leads to `{move.source}`.",
                where=_where(path, root, node, ("states", "moves", at)),
                hint=f"It begins in `{states.begin}`.",
            )


def _load(path: Path, root: Path) -> tuple[Any, yaml.Node]:
    try:
        return _parsed(path.read_text(encoding="utf-8"))
    except OSError as error:
        place = Where(_relative(path, root))
        raise PageError("no-flow", "There is no such file.", where=place) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = Where(_relative(path, root), mark.line + 1 if mark else 0)
        said = getattr(error, "problem", None) or "It cannot be read."
        raise PageError("bad-flow", f"YAML: {said}", where=place) from error


@lru_cache(maxsize=64)
def _parsed(text: str) -> tuple[Any, yaml.Node]:
    """A file's data and nodes: every flow asks for the participants, several pages for a flow."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    return yaml.safe_load(text), node or yaml.ScalarNode("", "")


def _bad(
    error: ValidationError, path: Path, root: Path, node: yaml.Node, place: _Place
) -> PageError:
    first = error.errors()[0]
    whole = (*place, *first["loc"])
    said = ".".join(str(each) for each in whole) or "the file"
    return PageError("bad-flow", f"{said}: {first['msg']}.", where=_where(path, root, node, whole))


def _where(path: Path, root: Path, node: yaml.Node, place: _Place) -> Where:
    """The line of the deepest part of a place that is in the file."""
    line = node.start_mark.line if node.start_mark else 0
    for part in place:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line
        elif isinstance(node, yaml.MappingNode):
            pairs = {key.value: (key, value) for key, value in node.value}
            if part not in pairs:
                break
            key, node = pairs[part]
            line = key.start_mark.line
        else:
            break
    return Where(_relative(path, root), line + 1)


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
