"""A service and a fault are added to a copy of `examples/`, nothing else changes, and are drilled.

CONTRIBUTING says which files that touches; this is the trial of it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from drillbook import report
from drillbook.sandboxes.local import LocalBackend
from tests.conftest import ROOT
from tests.sphinx_book import CONF, block

SERVER = '''\
"""Looks things up in an index, as long as there is one."""

import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

INDEX = Path("/var/lib/search/index")


class Search(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if INDEX.exists() else 503)
        self.end_headers()


INDEX.touch()
Path("/run/search.pid").write_text(str(os.getpid()))
HTTPServer(("search", 9200), Search).serve_forever()
'''
SERVICE = """\
  search:
    <<: *host
    hostname: search
    command: [python3, /opt/smartbeak/search/server.py]
    environment:
      <<: *environment
      HOME: /var/lib/search
    healthcheck:
      test: [CMD, /opt/smartbeak/bin/host-reachable, "http://search:9200/"]
      interval: 200ms
      timeout: 5s
      retries: 900
    x-drillbook:
      pidfile: /run/search.pid
      log: /var/log/search/search.log
      noticed-by: search

networks:
"""
INJECTION = '''\
"""Faults of the search."""

from drillbook.drills.hosts import run
from drillbook.sandboxes.sandbox import Sandbox


def lose_index(sandbox: Sandbox, host: str) -> None:
    """Deletes the index under the running service."""
    run(sandbox, host, "rm", "/var/lib/search/index")
'''
FAULT = """\
    Declaration(
        "lose-index", ("HOST",), "The index of the search is deleted while it runs.",
        "files", always("search"), search.lose_index,
    ),
)  # fmt: skip
"""
ORACLE = '''\
"""The oracle of the search."""

import urllib.request

from drillbook.inside.trouble import Trouble


class SearchServed:
    """A question to the search is answered."""

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        try:
            urllib.request.urlopen("http://search:9200/", timeout=30).close()
        except OSError as error:
            raise Trouble(str(error)) from error
        return ""
'''
NEW = {
    "search/server.py": SERVER,
    "drills/smartbeak_drills/injections/search.py": INJECTION,
    "drills/smartbeak_drills/oracles/search.py": ORACLE,
}
CHANGED = {
    "compose.yaml": [("\nnetworks:\n", f"\n{SERVICE}")],
    "drills/smartbeak_drills/faults.py": [
        (")  # fmt: skip\n", FAULT),
        ("    targets,\n", "    search,\n    targets,\n"),
    ],
    "drills/smartbeak_drills/oracles/names.py": [
        (
            "OF_ROWS: Mapping[str, str] = {\n",
            'OF_ROWS: Mapping[str, str] = {\n    "search": "The search answers.",\n',
        )
    ],
    "drills/smartbeak_drills/oracles/table.py": [
        ('"writes": _writes,\n', '"writes": _writes,\n    "search": lambda _: SearchServed(),\n'),
        (
            "from smartbeak_drills.resp import Redis\n",
            "from smartbeak_drills.oracles.search import SearchServed\n"
            "from smartbeak_drills.resp import Redis\n",
        ),
    ],
}  # fmt: skip


def page(fault: str) -> str:
    """A page that drills the fault of the new service."""
    return (
        "---\nowner: sre\nreview-cycle: monthly\nlast-reviewed: 2026-11-01\n"
        "stack: [ops, app, db-1, search]\n---\n# Search\n\n"
        f"```{{drill}} lost\n:fault: {fault}\n:rto: 5min\n:people: 2min\n:rpo: 0s\n```\n\n"
        + block("$ test -e /var/lib/search/index || echo none\nnone", "name: look", "effect: read",
                "on: search")
        + block("$ touch /var/lib/search/index", "name: make", "effect: write", "on: search",
                "irreversible: nobody wants it away")
    )  # fmt: skip


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book of one page on a copy of the stack, with what CONTRIBUTING says added to it."""
    shutil.copytree(
        ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__")
    )
    (tmp_path / "drillbook").symlink_to(ROOT / "drillbook")
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "source").mkdir()
    for name, text in NEW.items():
        (tmp_path / "examples" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "examples" / name).write_text(text)
    for name, changes in CHANGED.items():
        path = tmp_path / "examples" / name
        text = path.read_text()
        for old, new in changes:
            assert text.count(old) == 1, (name, old)
            text = text.replace(old, new)
        path.write_text(text)
    return tmp_path


def run(book: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the engine of this project, which has not changed, on the book."""
    return subprocess.run(
        [sys.executable, "-m", "drillbook", *arguments], cwd=book, capture_output=True, text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL,
        timeout=900, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("fault", ["lose-index search"])
def test_a_service_and_a_fault_are_added_under_examples_alone(
    book: Path, fault: str, local_backend: LocalBackend
) -> None:
    (book / "source/index.md").write_text(page(fault))
    done = run(book, "run")
    assert done.returncode == 0, done.stdout + done.stderr
    (drill,) = report.read(report.path_of(book / "build", "local")).drills
    assert (drill.fault, drill.status, drill.control) == (fault, "passed", "stayed-down")
    assert drill.recovered_s and drill.acknowledged > 0


def test_without_its_declaration_the_fault_is_not_known(book: Path) -> None:
    (book / "source/index.md").write_text(page("lose-index search"))
    faults = book / "examples/drills/smartbeak_drills/faults.py"
    faults.write_text(faults.read_text().replace('"lose-index"', '"lose-indices"'))
    done = run(book, "plan")
    assert "source/index.md:10: unknown-fault: there is no fault 'lose-index'" in done.stderr


def test_contributing_names_every_file_that_this_touches() -> None:
    said = (ROOT / "CONTRIBUTING.md").read_text()
    for name in CHANGED:
        assert f"`{name.removeprefix('drills/smartbeak_drills/')}`" in said, name
    assert "tests/stack/test_growing.py" in said
