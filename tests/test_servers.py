"""Where server programs are found, and what is said when they are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from drillbook.errors import HarnessError
from drillbook.sandboxes import servers, stack
from drillbook.sandboxes.servers import Server
from tests.conftest import ROOT

PROGRAMS = stack.load(ROOT).programs

TOY = Server(
    name="toy",
    variable="DRILLBOOK_TOY",
    programs=("toyd", "toyctl"),
    folders=("/usr/lib/toy/*/bin",),
    wheel=("toy_wheel", "install/bin"),
    debian="toy-server",
)


def programs(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names or TOY.programs:
        (folder / name).touch(mode=0o755)
    return folder


def test_the_variable_comes_first(tmp_path: Path) -> None:
    named, on_path = programs(tmp_path / "named"), programs(tmp_path / "path")
    assert servers.find(TOY, {"DRILLBOOK_TOY": str(named), "PATH": str(on_path)}) == named


def test_a_variable_that_leads_nowhere_is_an_error_and_not_passed_over(tmp_path: Path) -> None:
    programs(tmp_path / "path")
    with pytest.raises(HarnessError) as caught:
        servers.find(TOY, {"DRILLBOOK_TOY": "/nowhere", "PATH": str(tmp_path / "path")})
    assert str(caught.value) == (
        "missing-server: DRILLBOOK_TOY says /nowhere, but toyd, toyctl is not there\n"
        "  hint: point DRILLBOOK_TOY at the folder with toyd, toyctl"
    )


def test_path_is_searched_through_links_to_the_whole_set(tmp_path: Path) -> None:
    whole = programs(tmp_path / "whole")
    (tmp_path / "path").mkdir()
    (tmp_path / "path/toyd").symlink_to(whole / "toyd")
    assert servers.find(TOY, {"PATH": str(tmp_path / "path")}) == whole


def test_the_newest_known_folder_is_taken(tmp_path: Path) -> None:
    for version in ("9", "15", "16"):
        programs(tmp_path / f"usr/lib/toy/{version}/bin")
    (tmp_path / "usr/lib/toy/16/bin/toyctl").unlink()
    found = servers.find(TOY, {}, root=str(tmp_path))
    assert found == tmp_path / "usr/lib/toy/15/bin"


def test_the_wheel_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundled = programs(tmp_path / "toy_wheel/install/bin")
    (tmp_path / "toy_wheel/__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert servers.find(TOY, {}, root=str(tmp_path)) == bundled
    debian = programs(tmp_path / "usr/lib/toy/1/bin")
    assert servers.find(TOY, {}, root=str(tmp_path)) == debian


def test_debians_packages_come_between_the_machines_programs_and_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = replace(TOY, unpack=("toyd",))
    bundled = programs(tmp_path / "toy_wheel/install/bin")
    (tmp_path / "toy_wheel/__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    asked: list[tuple[str, ...]] = []

    def unpack(packages: Sequence[str]) -> Path | None:
        asked.append(tuple(packages))
        return tmp_path / "unpacked" if len(asked) > 1 else None

    root = str(tmp_path)
    assert servers.find(server, {}, root=root, unpack=unpack) == bundled
    whole = programs(tmp_path / "unpacked/usr/lib/toy/15/bin")
    assert servers.find(server, {}, root=root, unpack=unpack) == whole
    debian = programs(tmp_path / "usr/lib/toy/1/bin")
    assert servers.find(server, {}, root=root, unpack=unpack) == debian
    assert asked == [("toyd",), ("toyd",)]


def test_a_wheels_copy_beside_the_interpreter_is_not_taken_for_the_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs(tmp_path / "venv/bin")
    debian = programs(tmp_path / "usr/bin")
    monkeypatch.setattr("sys.prefix", str(tmp_path / "venv"))
    path = f"{tmp_path}/venv/bin:{tmp_path}/usr/bin"
    assert servers.find(TOY, {"PATH": path}, root=str(tmp_path)) == debian


def test_none_at_all_names_the_packages(tmp_path: Path) -> None:
    with pytest.raises(HarnessError) as caught:
        servers.find(TOY, {"PATH": "/nowhere"}, root=str(tmp_path))
    assert str(caught.value) == (
        "missing-server: toy is not on this machine\n"
        "  hint: apt-get install toy-server, or pip install toy-wheel, "
        "or set DRILLBOOK_TOY to the folder of its programs"
    )


def test_without_any_package_the_variable_is_named(tmp_path: Path) -> None:
    own = Server(name="own", variable="DRILLBOOK_OWN", programs=("owned",))
    with pytest.raises(HarnessError) as caught:
        servers.find(own, {"PATH": "/nowhere"}, root=str(tmp_path))
    assert str(caught.value) == (
        "missing-server: own is not on this machine\n"
        "  hint: set DRILLBOOK_OWN to the folder of its programs"
    )


@pytest.mark.parametrize("name", [name for name, each in PROGRAMS.items() if each.wheel[0]])
def test_every_server_of_the_stack_is_found_here(name: str) -> None:
    if not PROGRAMS[name].wheel[0]:
        assert PROGRAMS[name].unpack  # of Debian alone: no wheel is known
        return
    # The lock brings a wheel of each, so that there is always one.
    server = PROGRAMS[name]
    folder = servers.find(server, {"PATH": ""})
    assert all((folder / each).exists() for each in server.programs)


def test_a_machine_without_chromium_is_told_how_to_get_it() -> None:
    with pytest.raises(HarnessError) as caught:
        servers.find(PROGRAMS["chromium"], {"PATH": ""})
    assert str(caught.value) == (
        "missing-server: chromium is not on this machine\n"
        "  hint: apt-get install chromium, or set DRILLBOOK_CHROMIUM to the folder of its programs"
    )
