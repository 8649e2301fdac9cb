"""`python -m drillbook.incidents`: what `nox -s incident` and `nox -s postmortem` run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from drillbook import clock
from drillbook.errors import DrillbookError, PageError
from drillbook.incidents import draft, incident, postmortem, timeline
from drillbook.incidents.incident import Situation

OK, WRONG, USAGE = 0, 1, 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; 0 done, 1 refused with an error, 4 usage."""
    options = _parser().parse_args(arguments)
    try:
        _command(options, Path.cwd(), clock.now())
    except DrillbookError as error:
        print(error, file=sys.stderr)
        return WRONG
    return OK


def _command(options: argparse.Namespace, root: Path, now: datetime) -> None:
    if options.command == "new":
        made = incident.new(root, options.severity, _situation(options), now)
        for path in (made / timeline.FILE, *sorted((made / "messages").iterdir())):
            print(path.relative_to(root))
    elif options.command == "note":
        path = incident.folder(root, options.incident) / timeline.FILE
        entry = timeline.Entry(now, options.role, options.text)
        timeline.append(path, [entry])
        print(timeline.line_of(entry), end="")
    elif options.command == "message":
        told = timeline.read(incident.folder(root, options.incident) / timeline.FILE)
        level = options.severity or told.severity
        texts = incident.messages(
            root, options.incident, level, _situation(options), since=told.opened, now=now
        )
        name = f"{options.name}.txt"
        if name not in texts:
            known = ", ".join(each.removesuffix(".txt") for each in texts)
            raise PageError("no-message", f"there is no message {options.name!r}", hint=known)
        print(texts[name], end="")
    elif options.command == "postmortem":
        number = options.incident
        make = draft.of_incident if incident.is_id(number) else draft.of_drill
        print(make(root, number, now.date()).relative_to(root))
    else:
        _check(root)


def _check(root: Path) -> None:
    """Prints every error; the first is raised."""
    pages = postmortem.read_all(root)
    errors = [error for page in pages for error in page.errors]
    for error in errors[1:]:
        print(error, file=sys.stderr)
    if errors:
        raise errors[0]
    actions = [action for page in pages for action in page.actions]
    still = sum(not action.done for action in actions)
    print(f"{len(pages)} post-mortems, {len(actions)} actions, {still} open")


def _situation(options: argparse.Namespace) -> Situation:
    return Situation(
        options.title, options.affected, options.works, options.doing, options.workaround
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        """Ends with the status that this project has for usage."""
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: error: {message}\n")


def _parser() -> _Parser:
    parser = _Parser(prog="nox -s incident --", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    new = commands.add_parser("new", help="open an incident: timeline and first messages")
    new.add_argument("--severity", required=True, help="P0 to P3")
    _words(new)
    note = commands.add_parser("note", help="add a line to the timeline")
    note.add_argument("incident")
    note.add_argument("text")
    note.add_argument("--role", default="scribe")
    message = commands.add_parser("message", help="print a message with its fields filled")
    message.add_argument("incident")
    message.add_argument("name", help="internal, status-page, customer, vendor, regulator, ...")
    message.add_argument("--severity", default="", help="the timeline's unless given")
    _words(message)
    made = commands.add_parser("postmortem", help="make the page from a timeline or a drill")
    made.add_argument("incident", help="its number, or a drill's name")
    commands.add_parser("check", help="check every post-mortem of the book")
    return parser


def _words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--title", required=True, help="the symptom, as users have it")
    parser.add_argument("--affected", required=True, help="who cannot do what")
    parser.add_argument("--works", required=True, help="what still works")
    parser.add_argument("--doing", required=True, help="what is being done now")
    parser.add_argument("--workaround", default=incident.NO_WORKAROUND)


if __name__ == "__main__":
    sys.exit(main())
