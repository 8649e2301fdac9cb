"""The border of the engine: a book with a stack of its own that shares nothing with ours.

`roots/tiny-book` has one small server, one fault and one prober. It is planned, drilled
with control runs and built, and nothing of the project's own stack can be imported.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from drillbook import evidence, report
from drillbook.model import Report
from drillbook.sandboxes.local import LocalBackend
from tests.conftest import ROOT

OURS = ("smartbeak_drills", "smartbeak", "smartbeak_ops", "simulators")


class TinyBook:
    """A copy of the tiny book, and its commands."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(ROOT / "tests/roots/tiny-book", root)
        (root / "drillbook").symlink_to(ROOT / "drillbook")

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs Python in the book's folder, with nothing of the caller's environment."""
        return subprocess.run(
            [sys.executable, *arguments], cwd=self.root, capture_output=True, text=True,
            env={"PATH": os.environ["PATH"]}, stdin=subprocess.DEVNULL, timeout=300, check=False,
        )  # fmt: skip

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs `drillbook run`."""
        return self.python("-m", "drillbook", "run", *arguments)

    def report(self) -> Report:
        """What the last runs came to."""
        return report.read(report.path_of(self.root / "build", "local"))

    def change(self, old: str, new: str) -> int:
        """Changes the page; returns the line of what was changed."""
        page = self.root / "source/index.md"
        text = page.read_text()
        assert text.count(old) == 1
        page.write_text(text.replace(old, new))
        return text[: text.index(old)].count("\n") + 1


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory, local_backend: LocalBackend) -> TinyBook:
    """The tiny book, run once."""
    made = TinyBook(tmp_path_factory.mktemp("tiny") / "book")
    done = made.run()
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def test_nothing_of_our_stack_can_be_imported(book: TinyBook) -> None:
    for name in OURS:
        done = book.python("-c", f"import {name}")
        assert f"No module named '{name}'" in done.stderr


def test_its_blocks_and_drills_pass_and_stay_down_without_their_write_steps(
    book: TinyBook,
) -> None:
    found = book.report()
    assert {each.status for each in found.results} == {"passed"}
    drills = {each.id: each for each in found.drills}
    assert set(drills) == {"index#jammed", "index#ended"}
    for drill in drills.values():
        assert (drill.status, drill.control) == ("passed", "stayed-down"), drill
        assert [(tally.kind, tally.lost) for tally in drill.accounts] == [("notes", 0)]
        assert drill.acknowledged > 0
        assert drill.recovered_s and drill.recovered_s > 0


def test_its_hosts_secrets_and_user_are_its_own(book: TinyBook) -> None:
    found = {
        each.id: evidence.read(book.root / "build/evidence" / each.evidence)
        for each in book.report().results
    }
    assert {(each.host, each.user) for each in found.values()} == {
        ("desk", "clerk"),
        ("notes", "clerk"),
    }
    said = " ".join(
        path.read_text() for path in (book.root / "build/evidence").rglob("*") if path.is_file()
    )
    assert not [word for word in ("smartbeak", "postgres", "redis", "ops") if word in said.split()]


def test_it_is_built_with_its_own_faults_and_oracles(book: TinyBook) -> None:
    done = book.python("-m", "sphinx", "-n", "-W", "-q", "-c", ".", "source", "build/html")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    page = BeautifulSoup((book.root / "build/html/index.html").read_text(), "html.parser")
    faults, oracles = (table.get_text(" ", strip=True) for table in page.select(".db-table"))
    assert "jam HOST The file with the notes cannot be written." in faults
    assert "exhaust" not in faults
    assert "saved A note is saved. notes" in oracles
    heads = [head.get_text(" ", strip=True) for head in page.select(".db-host")]
    assert heads[0] == "on desk"
    assert "on notes as clerk" in heads


def test_a_step_that_does_not_help_turns_red_at_its_line(
    tmp_path: Path, local_backend: LocalBackend
) -> None:
    book = TinyBook(tmp_path / "book")
    book.change("chmod u+w", "chmod u+x")
    done = book.run("--drill", "jammed", "--no-control")
    assert done.returncode == 1
    (drill,) = book.report().drills
    assert drill.status == "failed"
    assert "users were still not served after the last step: not saved" in drill.reason


def test_a_fault_that_it_does_not_have_is_said_at_its_line(tmp_path: Path) -> None:
    book = TinyBook(tmp_path / "book")
    line = book.change("jam notes", "exhaust notes")
    done = book.python("-m", "drillbook", "plan")
    assert done.returncode != 0
    assert f"source/index.md:{line}: unknown-fault: there is no fault 'exhaust'" in done.stderr
