"""Debian's packages unpacked into a folder: which are fetched, and what stands there then."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from drillbook.sandboxes import debian

SHOWN = {
    "toyd": "Depends: libtoy1 (>= 2), libgone | libother, adduser, libjs-toy, lua-toy",
    "libtoy1": "Depends: libc6, libdeep0",
    "libgone": "Depends: libc6",
    "lua-toy": "",
    "libdeep0": "Pre-Depends: libtoy1",
}


class Apt:
    """Answers as apt and dpkg do."""

    def __init__(self, *, broken: bool = False) -> None:
        self.fetched: list[str] = []
        self.broken = broken

    def __call__(self, *argv: str, cwd: Path | None = None) -> str:
        match argv:
            case ("apt-cache", "policy", *names):
                known = {name: "1.0" if name in SHOWN else "(none)" for name in names}
                return "".join(f"{name}:\n  Candidate: {known[name]}\n" for name in names)
            case ("apt-cache", "show", "--no-all-versions", *names):
                return "".join(f"Package: {name}\n{SHOWN[name]}\n\n" for name in names)
            case ("dpkg-query", *_):
                return "libc6 installed\nlibother not-installed\n"
            case ("apt-get", "--quiet=2", "download", *names):
                if self.broken:
                    raise subprocess.CalledProcessError(100, argv)
                assert cwd
                self.fetched += names
                for name in names:
                    (cwd / f"{name}.deb").write_text(name)
            case ("dpkg-deb", "-x", archive, target):
                Path(target, "usr").mkdir(exist_ok=True)
                Path(target, "usr", Path(archive).stem).touch()
        return ""


@pytest.fixture
def apt(monkeypatch: pytest.MonkeyPatch) -> Apt:
    made = Apt()
    monkeypatch.setattr(debian, "_run", made)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    return made


def unpacked(folder: Path, packages: Sequence[str] = ("toyd",), *, fetch: bool = True) -> Path:
    found = debian.unpacked(packages, folder, fetch=fetch)
    assert found
    return found


def test_what_a_program_loads_is_fetched_with_it_and_nothing_else(
    apt: Apt, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = unpacked(tmp_path)
    # No adduser, which only an installation needs, and no library that is here.
    assert set(apt.fetched) == {"toyd", "libtoy1", "libgone", "lua-toy", "libdeep0"}
    assert sorted(path.name for path in (found / "usr").iterdir()) == sorted(apt.fetched)
    assert not (found / "archives").exists()
    said = re.sub(r"in \d+ s", "in N s", capfd.readouterr().err)
    assert said == "fetching toyd from Debian, once\nfetched toyd from Debian in N s\n"


def test_it_is_fetched_once(apt: Apt, tmp_path: Path) -> None:
    assert debian.unpacked(["toyd"], tmp_path, fetch=False) is None
    first = unpacked(tmp_path)
    count = len(apt.fetched)
    assert unpacked(tmp_path) == first == unpacked(tmp_path, fetch=False)
    assert len(apt.fetched) == count


def test_a_release_without_the_package_has_none(apt: Apt, tmp_path: Path) -> None:
    assert debian.unpacked(["toyd", "unknown"], tmp_path) is None


def test_without_a_mirror_nothing_is_left_half_done(apt: Apt, tmp_path: Path) -> None:
    apt.broken = True
    assert debian.unpacked(["toyd"], tmp_path) is None
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_without_apt_there_are_no_packages(apt: Apt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert debian.unpacked(["toyd"], Path("/nowhere")) is None
