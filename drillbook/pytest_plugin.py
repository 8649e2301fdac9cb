"""The pytest front: `pytest -p drillbook.pytest_plugin build/plan.json`.

An item for each snippet of each scenario, `build/plan.json::<scenario>::<snippet>`,
and for a drill `objectives` and `control`. What is selected brings along what comes
before it in its scenario. Only the process that started the session writes files.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from drillbook import plan as plans
from drillbook.errors import DrillbookError, HarnessError, PageError
from drillbook.model import Plan
from drillbook.runs import exchange, revision, schedule, selection, update
from drillbook.runs import ledger as ledgers
from drillbook.runs.exchange import Exchange
from drillbook.runs.items import PlanFile, StepItem
from drillbook.runs.stage import Choices, Stage, in_ci

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

PLAN = Path("build", "plan.json")
BACKENDS = ("local", "compose")
_SPLITTING = ("load", "worksteal", "each", "loadgroup")
"""xdist's modes that would give the items of one scenario to several processes."""

_NOTE = "drillbook"
_STAGE = pytest.StashKey[Stage]()
_EXCHANGE = pytest.StashKey[Exchange]()
_LEDGER = pytest.StashKey[ledgers.Ledger]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options of a run."""
    group = parser.getgroup("drillbook", "running a book's snippets and drills")
    add = group.addoption
    add("--backend", choices=BACKENDS, default="local", help="How sandboxes are made.")
    add("--page", action="append", default=[], metavar="PAGE",
        help="Run the scenarios of this page only (docname or path; repeatable).")  # fmt: skip
    add("--drill", action="append", default=[], metavar="NAME",
        help="Run this drill only (name, or docname#name; repeatable).")  # fmt: skip
    add("--snippet", action="append", default=[], metavar="NAME",
        help="Run this snippet, and what comes before it (name, or docname#name; "
        "repeatable).")  # fmt: skip
    add("--update", action="store_true", help="Write actual output into the pages.")
    add("--keep", action="store_true", help="Leave the sandbox open when a step fails.")
    add("--fresh", action="store_true", help="Run what has not changed too (always so in CI).")
    add("--no-control", action="store_true", help="Leave out the drills' control runs.")
    add("--leave-one-out", action="store_true",
        help="Run each drill again without each of its write steps: it must turn red.")  # fmt: skip


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Lets a kept sandbox and slow starts speak: steps themselves print nothing here."""
    early_config.known_args_namespace.capture = "no"
    yield


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, Any, Any]:
    """Settles how xdist deals out scenarios, before xdist itself looks."""
    option = config.option
    if option.reportchars == "fE":
        # In CI pytest's default repeats each failure in full; `_Session` lists them in short.
        option.reportchars = "N"
    dist = getattr(option, "dist", "no")
    if getattr(option, "distload", False) or dist in _SPLITTING:
        raise pytest.UsageError(
            f"split-scenario: --dist {dist if dist != 'no' else 'load'} would run the snippets of"
            " one scenario in several processes\n  hint: use -n N alone, or --dist loadscope"
        )
    if getattr(option, "numprocesses", None):
        alone = [name for name in ("keep", "update") if getattr(option, name)]
        if alone:
            raise pytest.UsageError(f"not-parallel: --{alone[0]} works in one process, without -n")
        if dist == "no":
            option.dist = "loadscope"
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Reads the plan; a stale or missing one is a usage error, never an empty run."""
    config = session.config
    stage = _stage(config)
    if not _is_worker(config):
        config.stash[_LEDGER] = ledgers.Ledger(stage.root, stage.plan, stage.choices.backend)


def _stage(config: pytest.Config) -> Stage:
    """The process's stage, made when it is first needed.

    Raises:
        pytest.UsageError: There is no current plan.
    """
    if _STAGE in config.stash:
        return config.stash[_STAGE]
    option, root, ci = config.option, config.rootpath, in_ci()
    choices = Choices(
        backend=option.backend,
        control=not option.no_control,
        keep=option.keep,
        reuse=not (option.fresh or option.update or option.keep or ci),
        ci=ci,
        leave_one_out=option.leave_one_out,
        update=option.update,
    )
    try:
        plan = _plan(root, is_worker=_is_worker(config))
    except DrillbookError as error:
        raise pytest.UsageError(str(error)) from error
    shared = Exchange(Path(_handed(config)["session"])) if _is_worker(config) else None
    made = Stage(root, plan, choices, shared or exchange.begun(root / "build"))
    config.stash[_STAGE] = made
    return made


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many units run at once; `drillbook run` asks for it unless it is told a number."""
    stage = _stage(config)
    wanted = [
        (page, scenario)
        for page in stage.plan.pages
        for scenario in page.scenarios
        if scenario.snippets and selection.is_wanted(page, scenario, config.option)
    ]
    try:
        return schedule.at_once(sum(stage.units(page, scenario) for page, scenario in wanted))
    except DrillbookError:
        return 0  # whoever needs what is broken says so


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    """Hands a worker what all of them must share: the exchange, and how long units take."""
    stage = _stage(node.config)
    scenarios = (scenario for page in stage.plan.pages for scenario in page.scenarios)
    node.workerinput[_NOTE] = {
        "session": str(stage.exchange.folder),
        "seconds": schedule.seconds(stage.root / "build", scenarios),
    }


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> schedule.ByUnit | None:
    """Deals out units, where it was not asked for another way that keeps them whole."""
    if config.option.dist != "loadscope":
        return None
    config.option.loadscopereorder = False
    return schedule.ByUnit(config, log)


def _plan(root: Path, *, is_worker: bool) -> Plan:
    if is_worker:
        # The process that started the workers has looked whether it is current.
        return plans.read(root / PLAN)
    plan = plans.load_current(root)
    if plan is None:
        raise HarnessError(
            "stale-plan",
            f"{PLAN} is missing or older than the pages it was made from",
            hint="drillbook plan   (drillbook run and nox -s doctest do it by themselves)",
        )
    return plan


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> PlanFile | None:
    """Collects the project's plan."""
    config = parent.config
    if file_path != config.rootpath / PLAN or _STAGE not in config.stash:
        return None
    return PlanFile.from_parent(
        parent,
        path=file_path,
        stage=config.stash[_STAGE],
        notice=lambda text: _notice(config, text),
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None]:
    """Selects; then adds, for each selected step, the steps before it in its scenario."""
    chosen = [item for item in items if selection.is_chosen(item, config)]
    away = [item for item in items if not selection.is_chosen(item, config)]
    if away:
        config.hook.pytest_deselected(items=away)
        items[:] = chosen
    yield
    complete = list(selection.with_predecessors(items))
    added = set(complete) - set(items)
    items[:] = complete
    if _is_worker(config):
        items[:] = schedule.longest_first(items, _handed(config)["seconds"])
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None and added:
        left = [item for item in reporter.stats.get("deselected", []) if item not in added]
        reporter.stats["deselected"] = left


def pytest_report_header(config: pytest.Config) -> str:
    """Says which backend runs."""
    return f"drillbook: {PLAN}, backend {config.option.backend}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Sends the item's note along with its report, out of a worker's process too."""
    report = yield
    if isinstance(item, StepItem) and call.when == "call" and item.note:
        # A plain attribute: it crosses to xdist's controller as it is, and stays out of JUnit.
        vars(report)[_NOTE] = item.note
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(
    report: pytest.CollectReport | pytest.TestReport,
) -> tuple[str, str, str | tuple[str, dict[str, bool]]] | None:
    """Gives each status a word of its own, with how long the step took."""
    note = _note(report)
    if note is None:
        return None
    took = f" ({note['duration_s']:.2f} s)" if note["kind"] == "Result" else ""
    status = note["status"]
    if status == "passed":
        return "passed", ".", "PASSED" + (" (reused)" if note["reused"] else took)
    if status == "not-run":
        return "not-run", "n", ("NOT RUN", {"yellow": True})
    if status == "error":
        return "error", "E", f"ERROR{took}"
    return ("failed", "F", f"FAILED{took}") if status == "failed" else None


def pytest_configure(config: pytest.Config) -> None:
    """Registers the hooks that need the configuration at hand."""
    config.pluginmanager.register(_Session(config), "drillbook-session")


class _Session:
    """What happens once for a session, or for each of its reports."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._trouble: list[str] = []
        self._took: dict[str, float] = {}
        """Seconds that each unit took which was really run."""

        self._rewritten = ""
        self._written: Path | None = None

        self._node: pytest.Collector | None = None
        """The parent of the last item: a scenario that is set up."""

    @property
    def _ledger(self) -> ledgers.Ledger | None:
        return self._config.stash.get(_LEDGER, None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> bool | None:
        """Sets up and tears down a scenario, not each step in the middle of it."""
        before, self._node = self._node, item.parent
        around = before is item.parent and nextitem is not None and nextitem.parent is before
        if not isinstance(item, StepItem) or not around or self._config.option.usepdb:
            return None
        hook = item.ihook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        call = pytest.CallInfo.from_call(
            item.runtest, when="call", reraise=(pytest.exit.Exception, KeyboardInterrupt)
        )
        report = hook.pytest_runtest_makereport(item=item, call=call)
        hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes down what a step came to."""
        if self._ledger is None:
            return
        note = _note(report)
        if note is not None:
            self._ledger.add(note)
            if not note["reused"]:
                unit = schedule.unit_of(report.nodeid)
                self._took[unit] = self._took.get(unit, 0.0) + report.duration
        elif report.failed:
            # A set-up, a tear-down, a worker that died: no page is to blame.
            self._ledger.broken.append(str(report.longrepr))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        """Writes the report, whatever ended the session, and sets the exit status."""
        try:
            yield  # scenarios that are still set up are taken down, and workers end
        finally:
            self._finish(session)

    def _finish(self, session: pytest.Session) -> None:
        stage = self._config.stash.get(_STAGE, None)
        if stage is not None:
            if not _is_worker(self._config):
                stage.exchange.close()
            try:
                stage.close()
            except DrillbookError as error:
                self._trouble.append(str(error))
        ledger = self._ledger
        if ledger is None:
            return
        if stage is not None and stage.changes:
            self._update(ledger, stage, session.exitstatus == pytest.ExitCode.INTERRUPTED)
        try:
            self._written = ledger.write()
        except DrillbookError as error:
            self._trouble.append(str(error))
        if self._took and not self._trouble:
            schedule.write(ledger.root / "build", self._took, ledger.plan)
        ledger.broken += self._trouble
        if stage is not None and stage.refusals and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        session.exitstatus = ledger.exit_status(int(session.exitstatus))

    def _update(self, ledger: ledgers.Ledger, stage: Stage, interrupted: bool) -> None:
        """Writes into the pages what was printed, and what that means into the notes."""
        refused = "the run was interrupted" if interrupted else ""
        if not interrupted:
            try:
                self._rewritten = update.apply(ledger.root, stage.changes)
            except (PageError, OSError) as error:
                stage.refusals.append(str(error))
                refused = str(error)
        revision.settle(ledger.notes, refused)
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is None:
            return
        # pytest has counted them as they came.
        passed = reporter.stats.pop("passed", [])
        for report in passed:
            note = _note(report) or {"status": "passed"}
            reporter.stats.setdefault(note["status"], []).append(report)

    def pytest_terminal_summary(self, terminalreporter: Any, exitstatus: int) -> None:
        """Says what was written, what stands in the book now, and what was not found."""
        ledger = self._ledger
        if ledger is None:
            return
        for text in self._trouble:
            terminalreporter.write_line(text, red=True)
        if not ledger.notes and exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            terminalreporter.write_line(selection.nothing(self._config, ledger.plan), red=True)
        for text in ledger.absent():
            terminalreporter.write_line(f"skipped for want of a server: {text}", yellow=True)
        for note in ledger.notes:
            if note["status"] in ("failed", "error"):
                headline = note["reason"].partition("\n")[0]
                place = f"{note['path']}:{note['line']}"
                step = f"{note['scenario']} {note['name']}"
                terminalreporter.write_line(f"{note['status']}: {place}: {step}: {headline}")
        if os.environ.get("GITHUB_ACTIONS"):
            for line in ledger.annotations():
                terminalreporter.write_line(line)
        if self._rewritten:
            terminalreporter.write_sep("=", "written into the pages; run again to verify")
            terminalreporter.write(self._rewritten)
        stage = self._config.stash.get(_STAGE, None)
        for text in stage.refusals if stage is not None else ():
            terminalreporter.write_line(text, red=True)
        if ledger.remark:
            terminalreporter.write_line(ledger.remark, yellow=True)
        if self._written is not None and not self._trouble:
            terminalreporter.write_line(
                f"report: {self._written.relative_to(ledger.root)}; the book now: "
                + ledgers.counts(ledger.root, ledger.plan)
            )


def _note(report: pytest.CollectReport | pytest.TestReport) -> dict[str, Any] | None:
    note: dict[str, Any] | None = vars(report).get(_NOTE)
    return note


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _handed(config: pytest.Config) -> dict[str, Any]:
    """What the process that started this worker gave it."""
    handed: dict[str, Any] = vars(config)["workerinput"][_NOTE]
    return handed


def _notice(config: pytest.Config, text: str) -> None:
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None and not _is_worker(config):
        reporter.ensure_newline()
        reporter.write_line(f"... {text}")
