"""The site's search: the text of an error leads first to the page that answers it."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from drillbook.sandboxes import npm
from drillbook.site import search
from tests.conftest import ROOT
from tests.sphinx_book import Book

STATIC = ROOT / "source/_static"
DATABASE = "runbooks/database-failover"
HUB = """\
# Hub

| Users see | Text |
|---|---|
| [The queue is full](branches/full.md) | `OOM command not allowed when used memory > 'maxmemory'` |
| [Nobody gets in](branches/refused.md) | `locks: ... wait, the longest for 00:00:05` |
"""
BRANCHES = {
    "branches/full": "# Make room\n\nThe API answers 503.\n\n## Act\n\nRaise the limit to 15030.\n",
    "branches/refused": "# Let them in\n\nThe API answers 429.\n\n## Roll back\n\nThe rollback.\n",
    "reference": "# Reference\n\nIt names `queue` and [the hub](hub.md). 503 in passing.\n",
}

# Texts as PostgreSQL and its clients print them in the drills, with what a log puts around them.
ERRORS = {
    'FATAL:  password authentication failed for user "smartbeak"': "password-differs",
    '<2026-11-26 03:04:05 UTC [811] smartbeak@smartbeak FATAL:  password authentication failed for'
    ' user "smartbeak"': "password-differs",
    "psql: error: FATAL:  the database system is starting up": "recovering",
    'could not extend file "base/16384/2619": No space left on device': "disk-full",
    "FATAL:  could not receive data from WAL stream: ERROR:  requested WAL segment"
    " 000000010000000000000003 has already been removed": "replica-lost",
    "SSL error: certificate verify failed, certificate has expired": "certificate-expired",
    'connection to server at "db-1" (10.77.0.5), port 5432 failed: platform: Connection refused':
        "primary-dead",
    "Connection refused": "primary-dead",
    "locks: 3 wait, the longest for 00:01:05": "lock-held",
    "platform: no free connection, smartbeak-api on top": "pools-too-large",
    "platform: set to read-only": "set-to-read-only",
    "platform: read-only": "address-names-replica",
    "both servers say primary": "two-primaries",
    "transaction ids: 93 % used": "transaction-ids",
    "archive: fails": "archive-fails",
    "the replica is 812 MB behind": "replica-behind",
    "replay is paused": "replay-paused",
}  # fmt: skip


OTHERS = {
    text: branch
    for branch, _, text in (
        line.partition("  ")
        for line in (ROOT / "tests/error_texts.txt").read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    )
}


def results(texts: Path, queries: Sequence[str]) -> list[list[dict[str, Any]]]:
    files = [STATIC / "vendor/minisearch.js", texts, STATIC / "search.js"]
    done = subprocess.run(
        [npm.programs(ROOT) / "node", Path(__file__).with_name("search.mjs")],
        input=json.dumps({"files": [str(file) for file in files], "queries": list(queries)}),
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: list[list[dict[str, Any]]] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book with a hub and two branches, built; the folder of the site."""
    book = Book(tmp_path_factory.mktemp("search"))
    conf = (book.root / "conf.py").read_text()
    conf = conf.replace(
        '"drillbook.sphinx_ext"]', '"drillbook.sphinx_ext", "drillbook.site.search"]'
    )
    book.put(
        "conf.py", f'{conf}templates_path = ["{ROOT}/source/_templates"]\nhtml_theme = "furo"\n'
    )
    book.put(
        "source/index.md",
        "# Book\n\n```{toctree}\nhub\nbranches/full\nbranches/refused\nreference\n```\n",
    )
    book.put("source/hub.md", HUB)
    for name, text in BRANCHES.items():
        book.put(f"source/{name}.md", text)
    assert book.build("html") == 0, book.warnings
    return book.root / "build/html"


def first(small: Path, query: str) -> str:
    found = results(small / search.SCRIPT, [query])[0]
    return str(found[0]["url"]) if found else ""


@pytest.mark.parametrize(
    ("query", "url"),
    [
        ("OOM command not allowed", "branches/full.html"),
        ("3:M 26 Nov 03:04 # OOM command not allowed when used memory > 'maxmemory'. script: x",
         "branches/full.html"),
        ("locks: 17 wait, the longest for 00:12:05", "branches/refused.html"),
        # Words of other pages around it do not matter.
        ("passing names queue hub reference: locks: 9 wait, the longest for 01:00:00",
         "branches/refused.html"),
        ("429", "branches/refused.html"),
        ("503", "branches/full.html"),
        ("rollb", "branches/refused.html#roll-back"),
        ("queue full", "branches/full.html"),
        ("zebra", ""),
        ("x", ""),
    ],
)  # fmt: skip
def test_what_is_typed_leads_to(small: Path, query: str, url: str) -> None:
    assert first(small, query) == url


def test_a_number_is_no_part_of_a_longer_one(small: Path) -> None:
    found = results(small / search.SCRIPT, ["503"])[0]
    assert "branches/full.html#act" not in [each["url"] for each in found[:2]]


def test_a_result_names_page_section_and_text(small: Path) -> None:
    found = results(small / search.SCRIPT, ["Raise the limit"])[0][0]
    assert found == {
        "url": "branches/full.html#act", "page": "Make room", "section": "Act",
        "text": "Raise the limit to 15030.",
    }  # fmt: skip


def test_the_search_page_fetches_nothing(small: Path) -> None:
    soup = BeautifulSoup((small / "search.html").read_text(encoding="utf-8"), "html.parser")
    scripts = [str(script["src"]) for script in soup.select("script[src]")]
    assert any(script.startswith(search.SCRIPT) for script in scripts)
    assert not any("://" in script or "searchindex" in script for script in scripts)
    assert soup.select_one("script[type=module]") is None
    code = (STATIC / "search.js").read_text(encoding="utf-8")
    assert "fetch(" not in code
    assert "XMLHttpRequest" not in code


def test_a_page_that_is_not_there_leads_to_the_search(small: Path) -> None:
    soup = BeautifulSoup((small / "404.html").read_text(encoding="utf-8"), "html.parser")
    links = [str(link["href"]) for link in soup.select("a")]
    # A server shows it under any address.
    assert links == ["/", "/search.html"]
    assert soup.select("script, link, img") == []


@pytest.fixture(scope="module")
def book_texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The texts of the project's own book."""
    out = tmp_path_factory.mktemp("texts")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "plan", "-c", str(ROOT)]
    command += ["-d", str(out / "doctrees"), str(ROOT / "source"), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    with open(out / "doctrees/environment.pickle", "rb") as file:
        env = pickle.load(file)
    texts = out / "texts.js"
    texts.write_text(
        search.script(env, lambda name: f"{name}.html", ROOT / "examples/ops/triage"),
        encoding="utf-8",
    )
    return texts


def test_error_texts_lead_first_to_the_branch_that_answers(book_texts: Path) -> None:
    wanted = {query: f"{DATABASE}/{branch}" for query, branch in ERRORS.items()} | OTHERS
    found = results(book_texts, list(wanted))
    said = {
        query: each[0]["url"].partition("#")[0].removesuffix(".html") if each else ""
        for query, each in zip(wanted, found, strict=True)
    }
    assert said == wanted
