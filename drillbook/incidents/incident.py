"""One incident: its number, its folder, its messages."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import jinja2

from drillbook import clock
from drillbook.errors import PageError
from drillbook.incidents import severity, timeline

FOLDER = "incidents"
TEMPLATES = "source/incident-response/messages"
NO_WORKAROUND = "Nothing yet; we say so when there is."
_ID = re.compile(r"INC-(\d{4}-\d\d-\d\d)-(\d{3})")


@dataclass(frozen=True, slots=True)
class Situation:
    """What a message says of an incident, in the words of whoever writes it."""

    title: str
    """The symptom as users have it, e.g. `Content is not published in eu-west-1`."""

    affected: str
    """Who cannot do what."""

    works: str
    """What still works."""

    doing: str
    """What is being done now."""

    workaround: str = NO_WORKAROUND


def is_id(text: str) -> bool:
    """Whether a text is the number of an incident."""
    return _ID.fullmatch(text) is not None


def next_id(root: Path, at: datetime) -> str:
    """The first free number of that day, among open incidents and post-mortems."""
    day = at.strftime("%Y-%m-%d")
    places = (root / FOLDER, root / "source/postmortems")
    taken = {
        int(match[2])
        for place in places
        if place.is_dir()
        for path in place.iterdir()
        if (match := _ID.match(path.name)) and match[1] == day
    }
    return f"INC-{day}-{max(taken, default=0) + 1:03}"


def folder(root: Path, incident: str) -> Path:
    """Where an incident is kept.

    Raises:
        PageError: `no-incident` when it is no number, or nothing is kept under it.
    """
    path = root / FOLDER / incident
    if not is_id(incident) or not path.is_dir():
        known = sorted(p.name for p in (root / FOLDER).glob("INC-*")) or ["none is open"]
        raise PageError(
            "no-incident", f"there is no incident {incident!r}", hint=f"known: {', '.join(known)}"
        )
    return path


def new(root: Path, level: str, situation: Situation, at: datetime) -> Path:
    """Opens an incident: its folder with a timeline and the first messages.

    Args:
        root: The project's folder.
        level: P0 to P3.
        situation: What the messages say.
        at: Now, in UTC.

    Returns:
        The folder. It appears whole or not at all.

    Raises:
        PageError: `unknown-severity`; what `messages` raises.
    """
    number = next_id(root, at)
    made = root / FOLDER
    made.mkdir(exist_ok=True)
    texts = messages(root, number, level, situation, since=at, now=at)
    first = timeline.Entry(at, "on-call-engineer", f"opened as {level}: {situation.title}")
    with tempfile.TemporaryDirectory(dir=made) as scratch:
        whole = Path(scratch, number)
        (whole / "messages").mkdir(parents=True)
        text = timeline.opened(number, level, situation.title, at) + timeline.line_of(first)
        (whole / timeline.FILE).write_text(text, encoding="utf-8")
        for name, message in texts.items():
            (whole / "messages" / name).write_text(message, encoding="utf-8")
        os.rename(whole, made / number)
    return made / number


def messages(
    root: Path, number: str, level: str, situation: Situation, *, since: datetime, now: datetime
) -> dict[str, str]:
    """Every message of the book with its fields filled, by file name.

    Args:
        root: The project's folder.
        number: The incident's.
        level: P0 to P3; says when the next update is due.
        situation: What the messages say.
        since: When the incident was opened, in UTC.
        now: When the message is written, in UTC.

    Raises:
        PageError: `unknown-severity`, or `message-field` when a template has a field that
            nothing fills.
    """
    scale = severity.scale(root)
    if level not in scale:
        raise PageError(
            "unknown-severity",
            f"there is no severity {level!r}",
            hint=f"severities: {', '.join(scale)}; see {severity.PAGE}",
        )
    fields: Mapping[str, str] = {
        "incident": number,
        "severity": level,
        "meaning": scale[level].meaning,
        "since": clock.text(since),
        "now": clock.text(now),
        "next_update": clock.text(now + scale[level].every),
        "title": situation.title,
        "affected": situation.affected,
        "works": situation.works,
        "doing": situation.doing,
        "workaround": situation.workaround,
    }
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(root / TEMPLATES),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    found = {}
    for name in sorted(templates.list_templates(extensions=["txt"])):
        try:
            found[name] = templates.get_template(name).render(fields)
        except jinja2.UndefinedError as error:
            raise PageError("message-field", f"{TEMPLATES}/{name}: {error.message}") from error
    return found
