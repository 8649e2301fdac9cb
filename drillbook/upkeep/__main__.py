"""`python -m drillbook.upkeep`: what `nox -s metrics`, `owners`, `touched` and `history` run."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from drillbook import clock, plan, report
from drillbook.errors import DrillbookError, HarnessError
from drillbook.upkeep import history, review, touched

OK, BELOW, BROKEN = 0, 1, 3
METRICS = "build/metrics.json"
CODEOWNERS = ".github/CODEOWNERS"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; 0 good, 1 a figure misses its target or a file is out of date."""
    parser = argparse.ArgumentParser(prog="python -m drillbook.upkeep", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    figures = commands.add_parser("metrics", help="the figures of the last build")
    figures.add_argument(
        "--check", action="store_true", help="end with 1 if a gate is below its aim"
    )
    owners = commands.add_parser("owners", help=f"make {CODEOWNERS} from the pages")
    owners.add_argument("organization")
    owners.add_argument("--check", action="store_true", help="only say whether it is up to date")
    since = commands.add_parser("touched", help="pages that the changes since a commit touch")
    since.add_argument("since", nargs="?", default="HEAD")
    commands.add_parser("history", help="add the last run's drills to the record")
    commands.add_parser("overdue", help="pages whose review is overdue, or that have no owner")
    options = parser.parse_args(arguments)
    try:
        return _command(options, Path.cwd())
    except DrillbookError as error:
        print(error, file=sys.stderr)
        return BROKEN


def _command(options: argparse.Namespace, root: Path) -> int:
    if options.command == "metrics":
        return _metrics(root, options.check)
    if options.command == "owners":
        return _owners(root, options.organization, options.check)
    if options.command == "touched":
        return _touched(root, options.since)
    if options.command == "history":
        records = [
            each for known in report.read_all(root / "build") for each in history.of_report(known)
        ]
        print(f"{history.FILE}: {history.append(root / history.FILE, records)} runs added")
        return OK
    today = clock.today()
    for each in review.calendar(root / "source"):
        if each.overdue(today):
            print(f"source/{each.docname}.md: {each.owner}: review was due on {each.due}")
    lacking = review.unowned(root / "source")
    for name in lacking:
        print(f"source/{name}.md: no owner, review-cycle or last-reviewed", file=sys.stderr)
    return BELOW if lacking else OK


def _metrics(root: Path, check: bool) -> int:
    path = root / METRICS
    if not path.is_file():
        raise HarnessError("no-metrics", f"{METRICS} is not there", hint="build first: nox -s docs")
    below = 0
    for kind, figures in json.loads(path.read_text(encoding="utf-8")).items():
        print(kind)
        for each in figures:
            value = each["value"]
            today = "not measured" if value is None else f"{value:.1f} {each['unit']}"
            aim = "" if each["target"] is None else f"aim {each['target']:g}"
            below += each["met"] is False and each["gate"]
            word = ("BELOW ITS GATE" if each["gate"] else "BELOW") if each["met"] is False else ""
            print(f"  {each['name']:<62} {today:<14} {aim:<8} {word} {each['detail']}".rstrip())
    return BELOW if check and below else OK


def _owners(root: Path, organization: str, check: bool) -> int:
    text, path = review.owners(root / "source", organization), root / CODEOWNERS
    if check:
        same = path.is_file() and path.read_text(encoding="utf-8") == text
        if not same:
            print(f"{CODEOWNERS} does not fit the pages: nox -s owners", file=sys.stderr)
        return OK if same else BELOW
    path.write_text(text, encoding="utf-8")
    print(CODEOWNERS)
    return OK


def _touched(root: Path, since: str) -> int:
    done = subprocess.run(
        ["git", "diff", "--name-only", since], cwd=root, capture_output=True, text=True
    )
    if done.returncode:
        raise HarnessError("no-changes", done.stderr.strip(), hint="name a commit: HEAD~1, main")
    found = touched.pages(root, plan.build(root), done.stdout.splitlines())
    for name, paths in found.items():
        print(f"source/{name}.md: {', '.join(paths)}")
    print(f"{len(found)} pages touched")
    return OK


if __name__ == "__main__":
    sys.exit(main())
