"""The commit that a run is stamped with: `+` wherever what ran is not of that commit."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from drillbook import plan as plans
from drillbook.runs import ledger
from tests.sphinx_book import FRONT, Book, block

PAGE = f"{FRONT}# Draft\n\n{block('$ true')}"


def git(root: Path, *arguments: str) -> str:
    who = ("-c", "user.name=writer", "-c", "user.email=writer@example.invalid")
    command = ["git", "-C", str(root), *who, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Book:
    """A book whose every file is in the one commit."""
    for name in os.environ:
        if name.startswith("GIT_"):
            monkeypatch.delenv(name)
    made = Book(tmp_path)
    made.put(".gitignore", "/build/\n__pycache__/\n*.pyc\n*.draft.md\n")
    made.page(block("$ true"))
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--no-gpg-sign", "--message", "A book")
    return made


def stamp(book: Book) -> str:
    """What a run would be stamped with, without the commit's name."""
    found = ledger.commit(book.root, plans.inputs(book.root))
    head = git(book.root, "rev-parse", "HEAD")
    assert found.startswith(head)
    return found.removeprefix(head)


def _exclude(book: Book) -> None:
    (book.root / ".git/info/exclude").write_text("/source/mine/\n")
    book.put("source/mine/draft.md", PAGE)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda book: book.put("source/draft.md", PAGE), id="an untracked page"),
        pytest.param(lambda book: book.put("source/x.draft.md", PAGE), id="an ignored page"),
        pytest.param(_exclude, id="a page ignored in this clone alone"),
        pytest.param(lambda book: book.put("examples/tool", ""), id="an untracked file"),
        pytest.param(lambda book: book.put("examples/tool.pyc", ""), id="an ignored file"),
        pytest.param(lambda book: book.put("source/index.md", PAGE), id="a changed page"),
        pytest.param(lambda book: (book.root / "source/index.md").unlink(), id="a page gone"),
        pytest.param(
            lambda book: (book.root / "examples/compose.yaml").chmod(0o755), id="another mode"
        ),
        pytest.param(
            lambda book: (
                book.put("source/draft.md", PAGE),
                git(book.root, "config", "status.showUntrackedFiles", "no"),
            ),
            id="a git that is told not to look",
        ),
    ],
)
def test_what_is_not_of_the_commit_is_said(book: Book, change: Callable[[Book], object]) -> None:
    change(book)
    assert stamp(book) == "+"


def test_what_a_run_leaves_beside_the_pages_is_no_difference(book: Book) -> None:
    book.put("build/report-local.json", "{}")
    book.put("examples/drills/__pycache__/kit.pyc", "")
    assert stamp(book) == ""


def test_without_git_or_a_commit_there_is_no_stamp(tmp_path: Path) -> None:
    assert ledger.commit(tmp_path) == ""
    git(tmp_path, "init", "--quiet")
    assert ledger.commit(tmp_path) == ""
