"""The wheel that the site offers: whole, the same each time, and good for an empty environment."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from smartbeak_book import reference, wheel
from smartbeak_ops import identity, plain, tree

SITE = sysconfig.get_paths()["purelib"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel.build(tmp_path_factory.mktemp("wheels"))


def test_it_holds_the_trees_and_the_plain_commands(made: Path) -> None:
    names = set(zipfile.ZipFile(made).namelist())
    wanted = {f"smartbeak_ops/triage/{subject}.yaml" for subject in tree.SUBJECTS}
    assert {*wanted, "smartbeak_ops/plain.yaml", "smartbeak_ops/cli.py"} <= names
    assert not [name for name in names if "smartbeak_book" in name or name.endswith(".pyc")]


def test_it_is_the_same_each_time(made: Path, tmp_path: Path) -> None:
    again = wheel.build(tmp_path)
    assert again != made
    assert wheel.checksum(again) == wheel.checksum(made)
    assert wheel.build(tmp_path) == again


def test_it_runs_in_an_empty_environment(made: Path, tmp_path: Path) -> None:
    """What it needs is taken from here: tests do not reach the package index."""
    venv.create(tmp_path / "env", with_pip=False, symlinks=True)
    python = tmp_path / "env/bin/python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index",
         "--no-deps", "--disable-pip-version-check", made],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    environ = {"PATH": os.defpath, "PYTHONPATH": SITE, "HOME": str(tmp_path)}

    def sb(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [tmp_path / "env/bin/sb", *words],
            env=environ, cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip

    mine = sb("version", "--book", identity.full())
    assert (mine.returncode, mine.stdout, mine.stderr) == (0, f"sb {identity.full()}\n", "")
    other = sb("version", "--book", "0.1.0+000000000000")
    assert other.returncode == 1
    assert other.stderr == (
        "REFUSED: the book was verified with 0.1.0+000000000000: install the sb that it offers\n"
    )
    assert "pg_is_in_recovery" in sb("explain", "may", "promote").stdout
    nowhere = sb("triage")
    assert nowhere.returncode == 1
    assert nowhere.stderr.startswith("REFUSED: ")
    assert nowhere.stderr.endswith(": type it on ops\n")


def test_every_command_is_explained_and_nothing_else() -> None:
    typed = {" ".join(each.words) for each in reference.commands()}
    extra = {f"look {subject}" for subject in tree.SUBJECTS}
    assert set(plain.load()) == typed | extra
    assert plain.of(["may", "promote", "db-2"]) == plain.load()["may promote"]
    assert plain.of(["fly"]) is None
