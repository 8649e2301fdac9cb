"""Bad input through the front: what a run prints, how it ends, what it leaves.

Each test is a small project that `python -m drillbook run` is started on, as a user
would. What the modules themselves do with such input is tested beside each of them.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from drillbook import plan as plans
from drillbook import report as reports
from drillbook.errors import HarnessError
from drillbook.model import Result
from drillbook.sandboxes import local_sandbox
from drillbook.sandboxes.local import LocalBackend
from tests.conftest import ROOT
from tests.sphinx_book import DRILL, Book, block, in_days

INDEX = "# Book\n\n```{toctree}\n:glob:\n\n*\n```\n"
STACK = "services:\n  ops: {}\n"
FINE = block("$ hostname\nops", "name: fine")
NAMESPACES = Path("/proc/sys/user/max_user_namespaces")
SLEEP = 100_000_000 + 10 * random.SystemRandom().randrange(10_000_000)
"""Seconds that nobody else sleeps, and nine more: other tests and other runs go on beside these."""


def front(stack: str = "ops") -> str:
    """The front matter of a page on these services."""
    return (
        "---\nowner: docs\nreview-cycle: monthly\nlast-reviewed: 2026-11-01\n"
        f"stack: [{stack}]\n---\n"
    )


class Front(Book):
    """A small project, run as its users do."""

    def __init__(self, root: Path) -> None:
        root.mkdir(exist_ok=True)
        super().__init__(root)
        self.put("examples/compose.yaml", STACK)
        self.put("source/index.md", INDEX)

    def add(self, name: str, body: str, stack: str = "ops") -> None:
        """Writes a page; its text begins on line 9."""
        self.page(body, name, front(stack))

    def start(
        self, *arguments: str, module: str = "drillbook", **env: str
    ) -> subprocess.Popen[str]:
        """Starts a command in a session of its own, its environment made from empty."""
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=self.root,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Runs `drillbook run` to its end."""
        with self.start("run", *arguments, **env) as process:
            out, err = process.communicate(timeout=300)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def results(self, backend: str = "local") -> dict[str, Result]:
        """What the report says, by the snippet's id."""
        found = reports.read(reports.path_of(self.root / "build", backend)).results
        return {result.id: result for result in found}

    def left(self) -> list[str]:
        """What stands in the build folder that no finished run leaves there."""
        build = self.root / "build"
        known = {"doctrees", "evidence", "plan.json", "plan.lock", plans.ERRORS_FILE}
        known |= {"templates", "programs", "durations.json"}
        names = {
            path.name
            for path in build.iterdir()
            if not path.name.startswith(("report-", ".report-", "junit-")) or ".tmp" in path.name
        }
        templates = build / "templates"
        # Those of the real stack are shared with whoever else runs now.
        own = () if templates.is_symlink() else templates.glob("*.making")
        making = {path.name for path in own}
        parts = {path.name for path in build.glob(".report-*.json.*") if path.suffix != ".lock"}
        return sorted((names - known) | making | parts)


@pytest.fixture
def book(tmp_path: Path) -> Front:
    """A project whose stack is the operator's machine alone."""
    return Front(tmp_path / "book")


def running(marker: str) -> list[str]:
    """Command lines of all processes that bear a word."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                line = (
                    (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
            except OSError:
                continue
            if marker in line:
                found.append(line)
    return found


# The pages themselves


def test_everything_wrong_with_the_pages_is_said_before_anything_runs(book: Front) -> None:
    book.put("examples/compose.yaml", "services:\n  ops: {}\n  db-1: {}\n")
    book.add("dots", block("$ date\n..."))
    book.add("fault", DRILL.replace("kill", "explode") + block("$ true", "name: a", "effect: read"))
    book.add("host", block("$ true", "on: db-9"))
    book.add("label", "```sh\ntrue\n```\n")
    book.add("option", block("$ true", "hots: ops"))
    book.add("quote", block("$ echo 'open"))
    book.add("service", block("$ true"), stack="ops, redis-9")
    book.add("skip-past", block("$ true", "skip: no server", f"until: {in_days(-1)}"))
    book.add("skip-why", block("$ true", "skip:", f"until: {in_days(3)}"))
    book.add("twins", block("$ true", "name: twice") + block("$ true", "name: twice"))
    book.page(block("$ true"), "yaml", "---\nowner: a: b\n---\n")
    done = book.run()
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr
        == f"""\
source/dots.md:12: empty-expectation: an expected output that is only `...` matches anything and \
proves nothing.
  hint: keep one line that must be there, above or below the `...`.
source/fault.md:10: unknown-fault: there is no fault 'explode'
  hint: faults: kill HOST, stop HOST, pause HOST, resume HOST, cut LINK, delay LINK DURATION, \
open LINK, wait DURATION
source/host.md:10: unknown-host: There is no host `db-9`.
  hint: Hosts are ops and the services of the stack: ops, db-1.
source/label.md:10: hidden-executable: A block labelled `sh` would not be run.
  hint: Label it `console` (commands after `$ `), `bash` (a script) or `python`.
source/option.md:10: unknown-option: There is no option `hots`.
  hint: The options are name, on, skip, until, timeout, exit-code, stderr, eventually, effect, \
undo, irreversible, refusal-of, optional, needs-fix.
source/quote.md:11: open-command: the command is not finished: a quote (') is open, and the block \
ends.
  hint: to give a command several lines, end each but the last in a backslash, or use a \
here-document.
source/service.md:5: unknown-service: The stack has no service `redis-9`.
  hint: The services are ops, db-1.
source/skip-past.md:11: skip-expired: The skip ended on {in_days(-1)}.
  hint: Let the block run, or find a new reason and a new end.
source/skip-why.md:10: skip-without-reason: The block is skipped, and nothing says why.
  hint: Write `:skip: <why it is not run>`.
source/twins.md:15: duplicate-name: The name `twice` is already taken at source/twins.md:10.
  hint: A name is one snippet's or drill's of the page.
source/yaml.md:2: front-matter: The front matter is not YAML: mapping values are not allowed here.
  hint: Quote values with a colon, and indent with spaces.
"""
    )
    assert not (book.root / plans.FILE).exists()
    assert not list((book.root / "build").glob("report-*"))
    assert book.left() == []


def test_a_plan_older_than_its_pages_is_refused_and_made_anew(book: Front) -> None:
    book.add("page", FINE)
    assert book.run("--collect-only").returncode == 0
    book.add("page", FINE.replace("fine", "finer"))
    arguments = ("-p", "drillbook.pytest_plugin", plans.FILE)
    with book.start(*arguments, module="pytest") as process:
        _, err = process.communicate(timeout=300)
    assert process.returncode == 4
    assert err.strip() == (
        "ERROR: stale-plan: build/plan.json is missing or older than the pages it was made from\n"
        "  hint: drillbook plan   (drillbook run and nox -s doctest do it by themselves)"
    )
    assert not list((book.root / "build").glob("report-*"))
    assert book.run().returncode == 0
    assert book.results()["page#finer"].status == "passed"


def test_nothing_selected_is_no_green_run(book: Front) -> None:
    book.add("page", FINE)
    done = book.run("--snippet", "finr")
    assert done.returncode == 5
    assert (
        "nothing-selected: no snippet matches --snippet finr\n"
        "  hint: did you mean --snippet fine? `drillbook list` names all\n"
    ) in done.stdout
    assert not list((book.root / "build").glob("report-*"))


def test_a_truncated_report_is_said_and_set_aside(book: Front, local_backend: LocalBackend) -> None:
    book.add("page", FINE)
    assert book.run().returncode == 0
    report = reports.path_of(book.root / "build", "local")
    cut = report.read_text()[:100]
    report.write_text(cut)
    said = "unreadable-report: this is not a whole report: it is not JSON or cut short"
    hint = "hint: Delete the file and run `nox -s doctest` again"
    with book.start("list") as listing:
        out, err = listing.communicate(timeout=300)
    assert (listing.returncode, out, said in err, hint in err) == (3, "", True, True)
    done = book.run()
    assert (done.returncode, said in done.stdout, hint in done.stdout) == (3, True, True)
    assert "1 snippet: 1 error" in done.stdout
    assert report.with_name("report-local.json.damaged").read_text() == cut
    assert (book.run().returncode, book.results()["page#fine"].status) == (0, "passed")


# Snippets that go wrong


WRONG = {
    "exit": (
        block("$ echo before\nbefore\n$ exit 3\n$ echo after\nafter"),
        13,
        "it ended its shell (exit or exec)\n    $ exit 3",
    ),
    "exit-script": (
        block("echo before\nexit 3\necho after", language="bash"),
        12,
        "it ended its shell (exit or exec)\n    $ exit 3",
    ),
    "fill-disk": (
        block("$ fallocate --length 600M /data/filler"),
        11,
        "it ended with status 1, not 0\n    $ fallocate --length 600M /data/filler\n"
        "standard error:\n    fallocate: fallocate failed: No space left on device",
    ),
    "flood": (
        block("$ head --bytes 100000000 /dev/zero"),
        11,
        "it printed more than is kept and was killed\n    $ head --bytes 100000000 /dev/zero",
    ),
    "hang": (
        block(f"$ sleep {SLEEP + 8}", "timeout: 1s"),
        12,
        f"it was still running at its time limit and was killed (1 s)\n    $ sleep {SLEEP + 8}",
    ),
    "input": (
        block("$ cat"),
        11,
        "it ended with status 1, not 0\n    $ cat\n"
        "standard error:\n    cat: -: Bad file descriptor",
    ),
    "latin": (
        block("$ printf '\\xe9\\n'\né"),
        11,
        "it printed bytes that are not UTF-8\n    $ printf '\\xe9\\n'",
    ),
    "quote": (
        block("echo 'open\necho closed", language="bash"),
        11,
        "it ended with status 2, not 0\n    $ echo 'open\nstandard error:\n"
        "    source/quote.md: line 11: unexpected EOF while looking for matching `''",
    ),
}
"""Page by name: its first block, the line and the reason of its failure."""


def test_snippets_that_go_wrong_are_red_at_their_line_and_leave_nothing(
    book: Front, local_backend: LocalBackend
) -> None:
    book.put("examples/compose.yaml", "services:\n  ops: {volumes: ['data:/data']}\n")
    for name, (body, _, _) in WRONG.items():
        book.add(name, body + "\n" + block("$ true", "name: next"))
    fork = f"$ sleep {SLEEP + 9} > /tmp/said 2>&1 &\n"
    fork += f"$ (setsid sleep {SLEEP + 9} > /tmp/said 2>&1 &)\n$ echo on\non"
    book.add(
        # `setsid` becomes `sleep` a moment later.
        "fork",
        block(fork, "name: fork")
        + "\n"
        + block("$ pgrep --count sleep\n2", "name: on", "effect: read", "eventually: 2min"),
    )
    done = book.run()
    assert done.returncode == 1
    found = book.results()
    at = {name: found[f"{name}#title-1"] for name in WRONG}
    assert {name: (r.status, r.line, r.reason) for name, r in at.items()} == {
        name: ("failed", line, reason) for name, (_, line, reason) in WRONG.items()
    }
    assert {found[f"{name}#next"].status for name in WRONG} == {"not-run"}
    for name, (_, line, reason) in WRONG.items():
        headline = reason.partition("\n")[0]
        assert f"source/{name}.md:{line}: failed: {headline}\n" in done.stdout
    # A job in the background is no failure; it ends with its sandbox.
    assert (found["fork#fork"].status, found["fork#on"].status) == ("passed", "passed")
    assert running(f"sleep {SLEEP + 8}") + running(f"sleep {SLEEP + 9}") == []
    assert book.left() == []
    assert max(path.stat().st_size for path in (book.root / "build").rglob("*.json")) < 1 << 23


# The machine and the stack


def test_a_missing_server_skips_on_a_laptop_and_breaks_in_ci(book: Front) -> None:
    book.put(
        "examples/compose.yaml",
        "x-drillbook:\n  programs:\n    postgresql:\n      variable: DRILLBOOK_POSTGRESQL\n"
        "      programs: [postgres, psql]\n"
        "services:\n  ops: {}\n  db-1: {x-drillbook: {versions: {postgresql: [postgres, -V]}}}\n",
    )
    book.add("page", FINE, stack="ops, db-1")
    programs = "postgres, psql"
    message = f"missing-server: DRILLBOOK_POSTGRESQL says /nowhere, but {programs} is not there\n"
    hint = f"  hint: point DRILLBOOK_POSTGRESQL at the folder with {programs}"
    laptop = book.run(DRILLBOOK_POSTGRESQL="/nowhere")
    assert (laptop.returncode, "1 skipped" in laptop.stdout) == (0, True)
    assert book.results()["page#fine"].status == "skipped"
    assert f"skipped for want of a server: {message}{hint}\n" in laptop.stdout
    assert "1 snippet: 1 skipped" in laptop.stdout
    ci = book.run(DRILLBOOK_POSTGRESQL="/nowhere", CI="true")
    assert (ci.returncode, book.results()["page#fine"].status) == (3, "error")
    assert f"source/page.md:12: error: {message}" in ci.stdout
    assert f"{hint}\n" in ci.stdout
    assert book.left() == []


def test_refused_namespaces(book: Front, local_backend: LocalBackend) -> None:
    book.add("page", FINE)
    # A user namespace in which no further ones may be made.
    shell = f"echo 0 > {NAMESPACES}; exec {sys.executable} -m drillbook run"
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "bash", "-c", shell],
        cwd=book.root,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 3, done.stdout
    # The only user that it may be there is root, as whom nothing is run.
    assert "source/page.md:12: error: root-refused: " in done.stdout
    assert "hint: start it as an ordinary user" in done.stdout
    assert book.results()["page#fine"].status == "error"
    assert book.left() == []


def test_a_kernel_that_refuses_namespaces_is_said_with_what_helps() -> None:
    said = {"ok": False, "step": "namespaces", "errno": 1, "message": "Operation not permitted"}
    with pytest.raises(HarnessError) as caught:
        local_sandbox._check_started(json.dumps(said).encode())
    assert str(caught.value).startswith("namespaces-refused: the kernel refused namespaces: ")
    assert "--backend compose" in caught.value.hint


DOCKERS = (
    ("no-engine", "echo 'Cannot connect to the Docker daemon' >&2; exit 1"),
    ("engine-too-old", """echo '{"Server":{"Version":"19.03.15"}}'"""),
    ("no-permission", "echo 'permission denied while connecting' >&2; exit 1"),
)


def test_no_engine_for_compose(book: Front, tmp_path: Path) -> None:
    book.add("page", FINE)
    program = tmp_path / "bin/docker"
    program.parent.mkdir()
    for code, script in DOCKERS:
        program.write_text(f"#!/bin/bash\n{script}\n")
        program.chmod(0o755)
        done = book.run("--backend", "compose", PATH=f"{program.parent}:{os.environ['PATH']}")
        assert done.returncode == 3, done.stdout
        assert f"source/page.md:12: error: {code}: " in done.stdout
        assert "--backend local" in book.results("compose")["page#fine"].reason
        assert book.results("compose")["page#fine"].status == "error"
    assert book.left() == []


NOT_YET = "until grep -q listening /var/log/hangs.log; do :; done 2>&-; echo not yet >&2; exit 1"
"""A health check that waits for the service's word, so that the log has it."""


def test_services_that_do_not_come_up_show_the_end_of_their_log(
    book: Front, local_backend: LocalBackend
) -> None:
    book.put(
        "examples/compose.yaml",
        f"""\
services:
  exits:
    command: [bash, -c, "printf 'line %s\\\\n' {{1..99}}; echo 'FATAL: no role' >&2; exit 3"]
    healthcheck: {{test: [CMD, "false"], interval: 50ms, retries: 4000}}
    x-drillbook: {{log: /var/log/exits.log}}
  hangs:
    command: [bash, -c, "echo listening; exec sleep {SLEEP + 7}"]
    healthcheck: {{test: [CMD, bash, -c, "{NOT_YET}"], interval: 50ms, retries: 4}}
    x-drillbook: {{log: /var/log/hangs.log}}
""",
    )
    book.add("exits", block("$ true", "name: fine", "on: exits"), stack="exits")
    book.add("hangs", block("$ true", "name: fine", "on: hangs"), stack="hangs")
    done = book.run()
    assert done.returncode == 3
    found = book.results()
    assert (found["exits#fine"].status, found["hangs#fine"].status) == ("error", "error")
    assert found["exits#fine"].reason.startswith(
        "service-exited: exits ended with status 3 before exits was healthy; its log ends:\n"
    )
    assert found["exits#fine"].reason.endswith("\n    line 99\n    FATAL: no role")
    assert found["hangs#fine"].reason == (
        "never-healthy: hangs was not healthy within 0.2 s; the check "
        f"`bash -c {NOT_YET}` says: not yet\nits log ends:\n    listening"
    )
    assert "    FATAL: no role\n" in done.stdout
    assert running(f"sleep {SLEEP + 7}") == []
    assert book.left() == []


def test_a_stack_that_cannot_be_read_is_said_as_what_it_is(book: Front) -> None:
    book.add("one", FINE)
    book.put("examples/compose.yaml", "services:\n  ops: {\n")
    done = book.run()
    assert done.returncode == 3
    assert done.stderr == (
        "examples/compose.yaml:3: bad-stack: ParserError: did not find expected node content\n"
    )
