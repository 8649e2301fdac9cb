"""The command line: `drillbook list|plan|run|show|mutate`.

Exit statuses are pytest's: 0 passed, 1 a page is wrong, 2 interrupted, 3 the
harness broke, 4 usage, 5 nothing selected.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from drillbook import clock, evidence
from drillbook import plan as plans
from drillbook import report as reports
from drillbook.errors import DrillbookError, HarnessError, PageError
from drillbook.model import Page, Plan, Report, Scenario, Snippet
from drillbook.runs import ledger, mutants
from drillbook.runs.annotation import annotation
from drillbook.sandboxes.local import LocalBackend
from drillbook.verification import DrillVerification, Run, Verification, verify, verify_drills

OK, FAILED, INTERRUPTED, BROKEN, USAGE, NOTHING = range(6)

_ONE_PROCESS = (
    "-n",
    "--numprocesses",
    "--dist",
    "--keep",
    "--update",
    "--pdb",
    "--collect",
    "--co",
)
"""pytest's and our options with which the number of processes is not chosen here."""

_OWN_NUMBER = ("-n", "--numprocesses", "--dist", "--keep", "--update", "--pdb", "--co")
"""Beginnings of the options with which the number of processes is not chosen here."""

_RUN_HELP = """\
Everything that pytest takes may follow: -k EXPRESSION, -v, -x, -n 2, --lf, ...
`pytest -p drillbook.pytest_plugin build/plan.json` does the same without making
the plan first.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Ends with the status for usage, which argparse has as 2: that is Ctrl-C here."""
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit status.

    Args:
        arguments: What stands after `drillbook`; the process's own by default.
    """
    options, rest = _parser().parse_known_args(arguments)
    if rest and options.command not in ("run", "mutate"):
        _parser().error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        status = _command(options, rest)
        sys.stdout.flush()
        return status
    except PageError as error:
        _complain(error)
        return FAILED
    except HarnessError as error:
        _complain(error)
        return BROKEN
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Nobody is left to tell, at exit either. `drillbook list | head` is as it was meant;
        # what became of a run that was cut short nobody knows.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN if options.command == "run" else OK


def _command(options: argparse.Namespace, rest: Sequence[str]) -> int:
    root = _root(Path.cwd())
    if options.command == "run":
        return _run(root, rest)
    if options.command == "plan":
        return _plan(root)
    plan = plans.build(root)
    if options.command == "mutate":
        return _mutate(root, plan, options.page, rest)
    if options.command == "list":
        return _list(root, plan, options.counts)
    return _show(root, plan, options.name)


def _parser() -> _Parser:
    parser = _Parser(prog="drillbook", description="Run a book's snippets and prove its drills.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="pages, scenarios and snippets, with their state")
    listing.add_argument("--counts", action="store_true", help="one line of counts only")
    commands.add_parser("plan", help="make build/plan.json from the pages")
    commands.add_parser(
        "run",
        help="make the plan if need be, then run it",
        epilog=_RUN_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="drillbook run [--backend local|compose] [--page PAGE] [--drill NAME]\n"
        "                     [--snippet NAME] [--update] [--keep] [--fresh] [--no-control]\n"
        "                     [--leave-one-out] [pytest's options]",
    )
    mutate = commands.add_parser(
        "mutate", help="take away each guard of a page, and each of its reasons: it must turn red"
    )
    mutate.add_argument("--page", action="append", help="its docname; every page without it")
    show = commands.add_parser("show", help="the last evidence of a snippet or a drill")
    show.add_argument("name", help="its name, or docname#name")
    return parser


def _root(start: Path) -> Path:
    for folder in (start, *start.parents):
        if (folder / "conf.py").is_file() and (folder / "source").is_dir():
            return folder
    raise HarnessError(
        "no-book",
        f"neither {start} nor a folder above it has a conf.py and a source folder",
        hint="go to the project's folder",
    )


def _run(root: Path, rest: Sequence[str]) -> int:
    plans.build(root)
    # pytest is slow to import and the other commands do without it.
    import pytest

    # A cancelled job ends like Ctrl-C: sandboxes go, what finished is reported.
    signal.signal(signal.SIGTERM, _interrupt)
    os.chdir(root)
    # Plugins that others brought along take longer to load than all else that is loaded here.
    own = ["--disable-plugin-autoload", "-p", "xdist", "-p", "xdist.looponfail"]
    own += ["-p", "drillbook.pytest_plugin", "--rootdir", str(root), plans.FILE]
    if not any(word.startswith(_OWN_NUMBER) for word in rest):
        own += ["-n", "auto"]
    return int(pytest.main([*own, *rest]))


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _plan(root: Path) -> int:
    plan = plans.build(root)
    scenarios = [scenario for page in plan.pages for scenario in page.scenarios]
    snippets = {snippet.id: snippet for scenario in scenarios for snippet in scenario.snippets}
    skipped = sum(bool(snippet.options.skip) for snippet in snippets.values())
    drills = sum(scenario.drill is not None for scenario in scenarios)
    print(
        f"{plans.FILE}: {len(plan.pages)} pages, {len(scenarios)} scenarios ({drills} drills),"
        f" {len(snippets)} snippets ({skipped} skipped with a reason)"
    )
    return OK


def _list(root: Path, plan: Plan, only_counts: bool) -> int:
    if not only_counts:
        known, today = reports.read_all(root / "build"), clock.today()
        marks, drills = verify(plan, known, today), verify_drills(plan, known, today)
        for page in plan.pages:
            for line in _page_lines(page, marks, drills):
                print(line)
        for name, said in LocalBackend(root).found().items():
            print(f"{name}: {said}")
    print(ledger.counts(root, plan))
    return OK


def _page_lines(
    page: Page, marks: Mapping[str, Verification], drills: Mapping[str, DrillVerification]
) -> Iterator[str]:
    yield f"{page.docname}   {page.path}   {page.owner}, last reviewed {page.last_reviewed}"
    for scenario in page.scenarios:
        state = ""
        if scenario.drill is not None:
            mark = drills[scenario.id]
            state = f"   {scenario.drill.fault}, RTO {scenario.drill.rto_s:g} s   {mark.state}"
        yield f"  {scenario.id} ({scenario.kind}){state}"
        for position, snippet in enumerate(scenario.snippets):
            again = "   (again)" if position < scenario.prefix else ""
            place = f"{snippet.path}:{snippet.line}"
            yield f"    {marks[snippet.id].state:<10} {snippet.name}   {place}{again}"
    yield ""


def _mutate(root: Path, plan: Plan, names: Sequence[str] | None, rest: Sequence[str]) -> int:
    pages = [p for p in plan.pages if not names or {p.docname, p.path} & set(names)]
    every = [(page, mutants.of_page(page, root, plan.pages)) for page in pages]
    changes = [(page, found) for page, found in every if found]
    if not changes:
        print("nothing-selected: no such page has a guard", file=sys.stderr)
        return NOTHING
    survived = 0
    for page, found in changes:
        if not mutants.passes(None, page, root, rest):
            print(f"{page.path}: the page does not pass as it is", file=sys.stderr)
            return FAILED
        for change in found:
            alive = mutants.passes(change, page, root, rest)
            survived += alive
            print(f"{'SURVIVED' if alive else 'killed':<8} {change}", flush=True)
    total = sum(len(found) for _, found in changes)
    print(f"{total - survived} of {total} mutants turned their page red")
    return FAILED if survived else OK


def _show(root: Path, plan: Plan, name: str) -> int:
    known, today = reports.read_all(root / "build"), clock.today()
    found = False
    drills = verify_drills(plan, known, today)
    for page, scenario in _scenarios(plan):
        if scenario.drill and name in (scenario.id, scenario.drill.name):
            found = True
            _show_drill(root, page, drills[scenario.id])
    marks = verify(plan, known, today)
    for snippet in _snippets(plan):
        if name in (snippet.id, snippet.name):
            found = True
            _show_snippet(root, snippet, marks[snippet.id], known)
    if not found:
        print(f"nothing-selected: no snippet and no drill is called {name!r}", file=sys.stderr)
        print("  hint: `drillbook list` names all", file=sys.stderr)
        return NOTHING
    return OK


def _show_drill(root: Path, page: Page, mark: DrillVerification) -> None:
    drill = mark.drill
    print(f"{mark.id}   {page.path}:{drill.line}   {mark.state}")
    if mark.reason:
        print(f"  {mark.reason}")
    print(f"  fault: {drill.fault}")
    print(
        f"  aimed at: RTO {drill.rto_s:g} s ({drill.people_s:g} s of it people),"
        f" RPO {drill.rpo_s:g} s"
    )
    for backend, result in mark.results.items():
        measured = "never" if result.recovered_s is None else f"in {result.recovered_s:.1f} s"
        print(
            f"  {backend}: recovered {measured}, lost {result.lost} of {result.acknowledged}"
            f" writes ({result.lost_s:g} s), doubled {result.doubled}, control {result.control}"
        )
    _show_runs(root, mark.runs)


def _show_snippet(
    root: Path, snippet: Snippet, mark: Verification, known: Sequence[Report]
) -> None:
    print(f"{snippet.id}   {snippet.path}:{snippet.line}   on {snippet.on}   {mark.state}")
    if mark.reason:
        print(f"  {mark.reason}")
    print("".join(f"  | {line}\n" for line in snippet.text.splitlines()), end="")
    _show_runs(root, mark.runs)
    if not known:
        print("  no run is known: nox -s doctest")


def _show_runs(root: Path, runs: Sequence[Run]) -> None:
    for run in runs:
        versions = ", ".join(f"{k} {v}" for k, v in (run.versions or {}).items())
        facts = [run.backend, run.state, run.when, f"{run.duration_s:.2f} s", versions, run.commit]
        print("  " + "   ".join(fact for fact in facts if fact))
        for name in run.evidence:
            _show_evidence(root, name)


def _show_evidence(root: Path, name: str) -> None:
    path = root / "build" / "evidence" / name
    print(f"  evidence: {path.relative_to(root)}")
    try:
        kept = evidence.read(path)
    except HarnessError as error:
        print(f"    {error}")
        return
    for step in kept.steps:
        print(f"    $ {step.command.rstrip()}".replace("\n", "\n      "))
        for text in (step.stdout, step.stderr):
            print("".join(f"    {line}\n" for line in text.splitlines()), end="")
        ended = "was ended" if step.exit_code is None else f"status {step.exit_code}"
        print(f"    ({ended}, {step.duration_s:.2f} s)")
    for title, text in kept.more.items():
        print(f"    {title}:")
        print("".join(f"      {line}\n" for line in text.splitlines()), end="")


def _scenarios(plan: Plan) -> Iterator[tuple[Page, Scenario]]:
    for page in plan.pages:
        for scenario in page.scenarios:
            yield page, scenario


def _snippets(plan: Plan) -> Iterator[Snippet]:
    unique = {s.id: s for _, scenario in _scenarios(plan) for s in scenario.snippets}
    yield from unique.values()


def _complain(error: DrillbookError) -> None:
    print(error, file=sys.stderr)
    if os.environ.get("GITHUB_ACTIONS"):
        each = error.errors if isinstance(error, plans.InvalidPages) else (error,)
        for one in each:
            if one.where is not None:
                where = one.where
                print(annotation(where.path, where.line or 1, one.code, one.message))
