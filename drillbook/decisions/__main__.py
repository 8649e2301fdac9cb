"""`python -m drillbook.decisions`: what `nox -s new -- adr` and `nox -s lint` run."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import jinja2

from drillbook import clock
from drillbook.decisions import record
from drillbook.errors import DrillbookError, PageError

OK, WRONG, USAGE = 0, 1, 4

TEMPLATE = f"{record.FOLDER}/template.txt"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; 0 done, 1 refused with an error, 4 usage."""
    parser = _Parser(prog="nox -s new --", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    adr = commands.add_parser("adr", help="make the next record from the template")
    adr.add_argument("title", help="the decision in one sentence")
    commands.add_parser("check", help="check every record of the book")
    options = parser.parse_args(arguments)
    try:
        if options.command == "adr":
            made = new(Path.cwd(), options.title, clock.today())
            print(made.relative_to(Path.cwd()))
        else:
            _check(Path.cwd())
    except DrillbookError as error:
        print(error, file=sys.stderr)
        return WRONG
    return OK


def new(root: Path, title: str, today: date) -> Path:
    """Makes the next numbered record from the template.

    Args:
        root: The project's folder.
        title: The decision, in one sentence.
        today: The day that its front matter gets.

    Raises:
        PageError: `decision-title` when no file's name can be made of the title.
    """
    words = re.findall(r"[a-z0-9]+", title.lower())
    if not words:
        raise PageError(
            "decision-title", f"no file's name can be made of {title!r}",
            hint="say the decision in plain words",
        )  # fmt: skip
    taken = [int(page.stem[4:7]) for page in (root / record.FOLDER).glob("ADR-[0-9]*.md")]
    number = f"ADR-{max(taken, default=0) + 1:03}"
    path = root / record.FOLDER / f"{number}-{'-'.join(words[:8])}.md"
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(root), undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    text = templates.get_template(TEMPLATE).render(
        number=number, title=title.strip(), today=today.isoformat()
    )
    path.write_text(text, encoding="utf-8")
    return path


def _check(root: Path) -> None:
    """Prints every error; the first is raised."""
    records = record.read_all(root)
    errors = [error for each in records for error in each.errors]
    for error in errors[1:]:
        print(error, file=sys.stderr)
    if errors:
        raise errors[0]
    print(f"{len(records)} decisions, {sum(len(each.held_by) for each in records)} validations")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        """Ends with the status that this project has for usage."""
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: error: {message}\n")


if __name__ == "__main__":
    sys.exit(main())
