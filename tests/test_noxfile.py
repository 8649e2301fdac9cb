"""The tasks: what they call, in which environment, and what an unchanged run leaves out."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import nox
import pytest

from drillbook.site.wording import WORDS

ROOT = Path(__file__).parent.parent


class Session:
    """Takes down what a session would run."""

    def __init__(self, *posargs: str, failing: str = "") -> None:
        self.posargs = list(posargs)
        self.commands: list[tuple[str, ...]] = []
        self.environments: list[dict[str, str]] = []
        self._failing = failing

    def run(self, *command: str, env: Any = None, include_outer_env: bool = True, **_: Any) -> None:
        self.commands.append(command)
        if not include_outer_env:
            self.environments.append(env)
        if self._failing and self._failing in command:
            raise nox.command.CommandFailed

    def error(self, message: str) -> None:
        raise RuntimeError(message)

    def modules(self) -> list[str]:
        """The commands after `python -m`."""
        return [" ".join(c[2:]) for c in self.commands if c[1:2] == ("-m",)]


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("noxfile_under_test", ROOT / "noxfile.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# nox keeps one register of sessions: the file is loaded once.
NOXFILE = _load()


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The noxfile, at work in a folder of its own."""
    module = NOXFILE
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    environment = tmp_path / ".nox" / "env"
    for name, value in {
        "ROOT": tmp_path,
        "ENVIRONMENT": environment,
        "STAMP": environment / "installed-from",
        "BUILD": tmp_path / "build",
        "HTML": tmp_path / "build" / "html",
    }.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(module, "_venv", lambda session, folder: folder.mkdir(parents=True))
    return module


def _task(tasks: ModuleType, name: str) -> Callable[[Session], None]:
    task: Callable[[Session], None] = getattr(tasks, name).func
    return task


def test_nox_alone_runs_the_book_then_builds_it() -> None:
    assert list(nox.options.sessions or ()) == ["doctest", "docs"]


def test_the_environment_is_installed_by_hash_and_once(tasks: ModuleType) -> None:
    first, second = Session(), Session()
    _task(tasks, "doctest")(first)
    _task(tasks, "doctest")(second)
    pip = "pip --disable-pip-version-check install -q"
    assert first.modules() == [
        f"{pip} --require-hashes -r requirements.lock",
        f"{pip} --no-deps -e .",
        "drillbook run",
    ]
    assert second.modules() == first.modules()[-1:]


def _edit(tasks: ModuleType, name: str, old: str, new: str) -> None:
    path = tasks.ROOT / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("name", "old", "new", "again"),
    [
        ("requirements.lock", "sha256:", "sha256:0", True),
        ("pyproject.toml", 'version = "0.1.0"', 'version = "0.2.0"', True),
        ("pyproject.toml", "line-length = 100", "line-length = 99", False),
    ],
)
def test_only_the_lock_and_the_metadata_install_again(
    tasks: ModuleType, name: str, old: str, new: str, again: bool
) -> None:
    _task(tasks, "doctest")(Session())
    _edit(tasks, name, old, new)
    session = Session()
    if again:
        tasks.ENVIRONMENT.rename(tasks.ENVIRONMENT.with_name("old"))
    _task(tasks, "doctest")(session)
    assert (len(session.commands) > 1) is again


def test_an_install_that_failed_is_not_taken_for_done(tasks: ModuleType) -> None:
    with pytest.raises(nox.command.CommandFailed):
        _task(tasks, "doctest")(Session(failing="--no-deps"))
    assert not tasks.STAMP.exists()


def test_runs_see_nothing_that_points_elsewhere(
    tasks: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = ("PGHOST", "PGPASSWORD", "DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY",
               "https_proxy", "PYTHONPATH", "PYTEST_ADDOPTS", "BASH_ENV", "ENV", "KUBECONFIG",
               "STRIPE_API_KEY", "SSH_AUTH_SOCK", "LD_PRELOAD", "VIRTUAL_ENV")  # fmt: skip
    for name in hostile:
        monkeypatch.setenv(name, "elsewhere")
    monkeypatch.setenv("CI", "true")
    session = Session()
    _task(tasks, "doctest")(session)
    (environment,) = session.environments
    assert not {name for name in hostile if name in environment}
    assert environment["CI"] == "true"
    assert environment["PATH"].startswith(str(tasks.ENVIRONMENT / "bin"))


def test_arguments_reach_the_run(tasks: ModuleType) -> None:
    session = Session("--drill", "primary-lost", "--fresh")
    _task(tasks, "doctest")(session)
    assert session.modules()[-1] == "drillbook run --drill primary-lost --fresh"


def test_docs_come_from_an_empty_folder_and_say_where_they_are(
    tasks: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks.HTML.mkdir(parents=True)
    (tasks.HTML / "old.html").touch()
    # After `nox -- --fresh` the arguments are the run's, not Sphinx's.
    session = Session("--fresh")
    _task(tasks, "docs")(session)
    assert not (tasks.HTML / "old.html").exists()
    assert session.modules()[-2:] == [
        "sphinx -n -W --keep-going -c . -d build/doctrees -q -b html source " + str(tasks.HTML),
        "drillbook list --counts",
    ]
    assert capsys.readouterr().out == (
        f"site: build/html/index.html   {(tasks.HTML / 'index.html').as_uri()}\n"
    )


class Building(Session):
    """Sphinx writes a page, as far as these tests need one."""

    site: Path

    def run(self, *command: str, **more: Any) -> None:
        super().run(*command, **more)
        if "html" in command:
            self.site.mkdir(parents=True)
            (self.site / "index.html").write_text("page")
            (self.site.parent / "anchors.txt").write_text("index")


def _docs(tasks: ModuleType, failing: str = "") -> bool:
    """Whether the task has built the site."""
    session = Building(failing=failing)
    session.site = tasks.HTML
    _task(tasks, "docs")(session)
    return any(command.startswith("sphinx") for command in session.modules())


def _put(path: str, text: str = "new") -> Callable[[Path], object]:
    def change(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_put("source/new.md"), id="page"),
        pytest.param(_put("source/_static/own.css"), id="style"),
        pytest.param(_put("examples/.hidden"), id="stack"),
        pytest.param(_put("drillbook/site/templates/mark.html"), id="template"),
        pytest.param(_put("conf.py"), id="settings"),
        pytest.param(_put("build/report-compose.json"), id="report"),
        pytest.param(_put("build/evidence/local/x.json"), id="evidence"),
        pytest.param(_put("build/html/index.html", "page edited"), id="page edited by hand"),
        pytest.param(_put("build/html/old.html"), id="page of an older build"),
        pytest.param(lambda root: (root / "build/html/index.html").unlink(), id="page gone"),
        pytest.param(lambda root: (root / "build/anchors.txt").unlink(), id="list gone"),
        pytest.param(_put("source/far/page.md", "b"), id="behind a link"),
    ],
)
def test_an_unchanged_site_is_not_built_again(
    tasks: ModuleType, tmp_path_factory: pytest.TempPathFactory, change: Callable[[Path], object]
) -> None:
    _put("source/index.md")(tasks.ROOT)
    (tasks.ROOT / "source/far").symlink_to(tmp_path_factory.mktemp("outside"))
    (tasks.ROOT / "source/back").symlink_to(tasks.ROOT / "source")
    assert _docs(tasks)
    _put("build/durations.json")(tasks.ROOT)
    assert not _docs(tasks)
    change(tasks.ROOT)
    assert _docs(tasks)
    assert not _docs(tasks)


def test_the_next_day_and_other_settings_build_the_site_again(
    tasks: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _docs(tasks)
    monkeypatch.setattr(tasks, "_today", lambda: "2099-01-01")
    assert _docs(tasks)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    assert _docs(tasks)
    assert not _docs(tasks)


def test_a_build_that_failed_is_not_taken_for_the_site(tasks: ModuleType) -> None:
    assert _docs(tasks)
    _put("source/new.md")(tasks.ROOT)
    with pytest.raises(nox.command.CommandFailed):
        _docs(tasks, failing="html")
    (tasks.ROOT / "source/new.md").unlink()
    assert _docs(tasks)


def test_pdf_looks_for_pango_before_it_works(tasks: ModuleType) -> None:
    session = Session(failing="--check")
    with pytest.raises(nox.command.CommandFailed):
        _task(tasks, "pdf")(session)
    assert session.modules()[-1] == "drillbook.site.pdf --check"


def test_lint_runs_every_check_and_names_those_that_failed(tasks: ModuleType) -> None:
    session = Session(failing="ruff")
    with pytest.raises(RuntimeError, match=r"^failed: ruff, ruff$"):
        _task(tasks, "lint")(session)
    assert [module.split()[0] for module in session.modules()[2:]] == [
        "ruff",
        "ruff",
        "mypy",
        "codespell_lib",
        "yamllint",
        "drillbook.shellcheck",
    ]


def test_scripts_are_known_by_their_first_line(tasks: ModuleType) -> None:
    folder = tasks.ROOT / "examples" / "bin"
    folder.mkdir(parents=True)
    (folder / "start").write_text("#!/usr/bin/env bash\n")
    (folder / "posix.sh").write_text("#!/bin/sh\n")
    (folder / "python").write_text("#!/usr/bin/env python3\n")
    (folder / "data").write_bytes(b"\xff\xfe")
    assert tasks._scripts() == ["examples/bin/posix.sh", "examples/bin/start"]


@pytest.mark.parametrize("name", ["linkcheck", "serve"])
def test_a_site_that_is_not_built_is_asked_for(tasks: ModuleType, name: str) -> None:
    with pytest.raises(RuntimeError, match=r"^build/html is not there: nox -s docs$"):
        _task(tasks, name)(Session())


def test_the_lock_is_up_to_date_with_every_locked_group(tasks: ModuleType) -> None:
    """What the groups ask for by name is pinned."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    pinned = {
        line.partition("==")[0].lower()
        for line in (ROOT / "requirements.lock").read_text().splitlines()
        if "==" in line and not line.startswith(" ")
    }
    asked = {
        requirement.partition(";")[0].partition(">")[0].partition("[")[0].strip().lower()
        for group in tasks.LOCKED_GROUPS
        for requirement in groups[group]
    }
    assert asked <= pinned


def test_the_readme_counts_nothing_by_hand() -> None:
    # The run says it, and the site: a figure typed here is wrong with the next page.
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    states = "|".join(WORDS.values())
    assert re.findall(rf"\b\d[\d,]* (?:snippets?|drills?|blocks?|pages?|{states})\b", text) == []
