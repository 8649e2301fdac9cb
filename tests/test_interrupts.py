"""Runs that are cut short, that meet, or that start in a hostile environment."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from drillbook import report as reports
from drillbook.sandboxes import sweep
from drillbook.sandboxes.docker import Docker
from drillbook.sandboxes.local import LocalBackend
from tests.conftest import ROOT
from tests.processes import gone, processes_of
from tests.sphinx_book import DRILL, block
from tests.test_bad_input import SLEEP, Front, running
from tests.test_compose import engine

HOSTS = "ops, app, db-1, db-2"


@pytest.fixture
def book(tmp_path: Path, local_backend: LocalBackend) -> Front:
    """A project whose stack is the operator's machine alone."""
    return Front(tmp_path / "book")


@pytest.fixture
def runbook(book: Front) -> Front:
    """A project on the real stack, with a drill that stops in the middle."""
    shutil.rmtree(book.root / "examples")
    shutil.copytree(ROOT / "examples", book.root / "examples")
    (book.root / "drillbook").symlink_to(ROOT / "drillbook")
    # The same stack has the same data at rest.
    (ROOT / "build/templates").mkdir(parents=True, exist_ok=True)
    (book.root / "build").mkdir()
    (book.root / "build/templates").symlink_to(ROOT / "build/templates")
    shutil.copy(ROOT / "requirements.lock", book.root)
    book.add(
        "page",
        block("$ hostname\nops", "name: before", "effect: read")
        + "\n## Lost\n\n"
        + DRILL.replace(":rpo: 0s\n", ":rpo: 0s\n:uses: before\n")
        + block(
            "$ psql --set ON_ERROR_STOP=1 --host db-1 --username postgres",
            "name: seen",
            "effect: read",
            "exit-code: 2",
        )
        + block(f"$ sleep {SLEEP + 6}", "name: stuck", "effect: read", "timeout: 5min"),
        stack=HOSTS,
    )
    return book


def until(
    true: Callable[[], object], process: subprocess.Popen[str], *, timeout_s: float = 300
) -> None:
    """Waits until something holds while a process runs."""
    deadline = time.monotonic() + timeout_s
    while not true():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"it did not come: {process.communicate()}")
        time.sleep(0.05)


# Cut short


def test_ctrl_c_in_the_middle_of_a_drill(runbook: Front) -> None:
    with runbook.start("run", "--drill", "primary-lost") as process:
        until(lambda: running(f"sleep {SLEEP + 6}"), process)
        below = processes_of(process.pid)[1:]
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (2, "")
    assert len(below) > 20
    assert gone(below)
    assert "KeyboardInterrupt" in out
    assert "report: build/report-local.json; the book now: 3 snippets: 1 verified, 2 not-run" in out
    # What finished is known, and nothing else is claimed.
    report = reports.read(reports.path_of(runbook.root / "build", "local"))
    assert [(r.scenario, r.id, r.status) for r in report.results] == [
        ("page#primary-lost", "page#before", "passed"),
        ("page#primary-lost", "page#seen", "passed"),
    ]
    assert report.drills == ()
    assert runbook.left() == []


def test_a_run_that_nobody_listens_to_is_not_green(book: Front) -> None:
    book.add("page", block("$ hostname\nops"))
    with book.start("run") as process:
        assert process.stdout
        process.stdout.close()
        assert process.wait(timeout=300) == 3
    assert book.left() == []


def test_kill_9_in_the_middle_of_a_drill_and_a_clean_next_start(runbook: Front) -> None:
    with runbook.start("run", "--drill", "primary-lost") as process:
        until(lambda: running(f"sleep {SLEEP + 6}"), process)
        below = processes_of(process.pid)[1:]
        process.kill()
        process.communicate()
    assert len(below) > 20
    assert gone(below)
    assert not list((runbook.root / "build").glob("report-*"))
    assert runbook.left() == []
    done = runbook.run("--snippet", "seen")
    assert done.returncode == 0, done.stdout
    assert {r.status for r in runbook.results().values()} == {"passed"}
    assert runbook.left() == []


def test_kill_9_while_the_stacks_data_is_made_and_a_clean_next_start(book: Front) -> None:
    book.put(
        "examples/compose.yaml",
        f"""\
services:
  api:
    command: [sleep, "{SLEEP + 5}"]
    volumes: ["data:/data", "../gate:/gate:ro"]
    healthcheck: {{test: [CMD, test, -e, /gate/open], interval: 50ms, retries: 6000}}
""",
    )
    (book.root / "gate").mkdir()
    book.add("page", block("$ hostname\napi", "name: fine", "on: api"), stack="api")
    with book.start("run") as process:
        until(lambda: running(f"sleep {SLEEP + 5}"), process)
        below = processes_of(process.pid)[1:]
        process.kill()
        process.communicate()
    assert gone(below)
    assert [Path(name).suffix for name in book.left()] == [".making"]
    # Of another version of the stack, too, the next start leaves nothing half made.
    stack = book.root / "examples/compose.yaml"
    stack.write_text(stack.read_text() + "  other: {}\n")
    (book.root / "gate/open").touch()
    done = book.run()
    assert done.returncode == 0, done.stdout
    assert book.left() == []


def labelled(pid: int) -> list[str]:
    """What is on the engine that this process made."""
    found = []
    form = f'{{{{.Label "{sweep.LABEL}"}}}}'
    for kind in ("container", "network", "volume"):
        every = ["--all"] if kind == "container" else []
        listed = Docker().must(
            kind, "ls", *every, "--filter", f"label={sweep.LABEL}", "--format", form
        )
        found += [f"{kind} {owner}" for owner in listed.split() if owner.startswith(f"{pid}.")]
    return found


@engine
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 2), (signal.SIGKILL, -9)])
def test_the_same_on_compose(runbook: Front, number: signal.Signals, status: int) -> None:
    with runbook.start("run", "--backend", "compose", "--drill", "primary-lost") as process:
        until(lambda: running(f"sleep {SLEEP + 6}"), process, timeout_s=400)
        assert labelled(process.pid)
        process.send_signal(number)
        process.communicate(timeout=300)
    assert process.returncode == status
    # After a kill a process that outlives the run takes it all down.
    deadline = time.monotonic() + 300
    while labelled(process.pid) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert labelled(process.pid) == []
    assert running(f"sleep {SLEEP + 6}") == []


# Meeting


def test_two_runs_at_the_same_time_both_work(book: Front) -> None:
    book.put("examples/compose.yaml", "services:\n  ops: {volumes: ['data:/data']}\n")
    for name in ("a", "b"):
        book.add(name, block(f"$ mkdir /data/only && echo {name}\n{name}", f"name: {name}"))
    both = [book.start("run", "--fresh", "--page", name) for name in ("a", "b")]
    said = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert {id_: r.status for id_, r in book.results().items()} == {
        "a#a": "passed",
        "b#b": "passed",
    }
    assert book.left() == []


# Elsewhere


HOSTILE = {
    "PGHOST": "elsewhere.example.com",
    "PGPORT": "1",
    "PGUSER": "elsewhere",
    "PGPASSWORD": "elsewhere",
    "PGSERVICE": "elsewhere",
    "DATABASE_URL": "postgres://elsewhere@elsewhere.example.com/elsewhere",
    "CONTROL_PLANE_DB": "postgres://elsewhere@elsewhere.example.com/elsewhere",
    "REDIS_URL": "redis://elsewhere.example.com",
    "http_proxy": "http://elsewhere.example.com:1",
    "https_proxy": "http://elsewhere.example.com:1",
    "HTTPS_PROXY": "http://elsewhere.example.com:1",
    "ALL_PROXY": "http://elsewhere.example.com:1",
    "AWS_ACCESS_KEY_ID": "elsewhere",
    "AWS_SECRET_ACCESS_KEY": "elsewhere",
    "AWS_PROFILE": "elsewhere",
    "KUBECONFIG": "/elsewhere",
    "STRIPE_API_KEY": "elsewhere",
    "VERCEL_TOKEN": "elsewhere",
    "BASH_ENV": "/elsewhere",
    "ENV": "/elsewhere",
    "HOME": "/elsewhere",
    "CDPATH": "/elsewhere",
    "PSQLRC": "/elsewhere",
    "PYTHONSTARTUP": "/elsewhere",
}


def test_what_the_environment_points_to_changes_nothing(runbook: Front) -> None:
    python = "import os\n\nprint([v for v in os.environ.values() if 'elsewhere' in v])\n#> []\n"
    # These the stack sets itself; that none has a value of the caller's is asked as well.
    named = "|".join(name for name in HOSTILE if name not in ("HOME", "PSQLRC", "KUBECONFIG"))
    runbook.add(
        "page",
        block(f"$ env | grep --extended-regexp 'elsewhere|^({named})='", "exit-code: 1")
        + block(python.replace("'", '"'), language="python")
        + block(
            "$ psql --host db-1 --username smartbeak --dbname smartbeak --tuples-only --no-align "
            "--command 'SELECT current_user, count(*) FROM organizations'\nsmartbeak|5"
        )
        + block(
            "$ psql --tuples-only --no-align --command 'SELECT current_user'\npostgres", "on: db-1"
        ),
        stack=HOSTS,
    )
    calm, hostile = runbook.run("--fresh"), runbook.run("--fresh", **HOSTILE)
    assert (calm.returncode, hostile.returncode) == (0, 0), hostile.stdout
    assert "elsewhere" not in hostile.stdout
    assert {r.status for r in runbook.results().values()} == {"passed"}
