"""The reference pages, and names on pages that nothing knows."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from smartbeak_compare.__main__ import differences
from smartbeak_compare.known import EXPECTED, FACTS, Facts, Said
from smartbeak_reference import evidence, names, pages, subjects, uses
from tests.conftest import ROOT
from tests.sphinx_book import Book


def test_every_name_on_a_page_is_known() -> None:
    assert [str(error) for error in names.unknown(ROOT)] == []


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A folder with the stack's lists and one page."""
    for name in uses.SOURCES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "source").mkdir()
    return tmp_path


def said(book: Path, text: str) -> list[str]:
    """What is unknown on a page, without the hint."""
    (book / "source/page.md").write_text(f"# Page\n\n{text}\n")
    return [str(error).partition("\n")[0] for error in names.unknown(book)]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Set JOB_MAX_RETRY to 5.", "variable 'JOB_MAX_RETRY'"),
        ("`kubectl get deployment/prod-wrker`", "Deployment 'prod-wrker'"),
        ("Restart prod-api and staging-apis.", "Deployment 'staging-apis'"),
        ("`redis-cli GET cache:contents:content_1`", "key 'cache:contents:content_1'"),
        ("`jwt:revokd:user:<id>`", "key 'jwt:revokd:user:<id>'"),
        ("`bull:search-indexing:wait`", "key 'bull:search-indexing:wait'"),
        ("`curl http://apis:3001/health`", "host 'apis'"),
        ("`psql --host db-3`", "host 'db-3'"),
        ("`redis-cli -e -h redis-9 PING`", "host 'redis-9'"),
        ("`SELECT id FROM content_items WHERE status = 'review'`", "status 'review'"),
        ("`WHERE status IN ('pending', 'waiting')`", "status 'waiting'"),
    ],
)
def test_an_unknown_name_is_said_at_its_line(book: Path, text: str, what: str) -> None:
    assert said(book, text) == [f"source/page.md:3: unknown-name: {what} is not known"]


def test_a_block_is_looked_into_and_the_hint_names_the_facts(book: Path) -> None:
    (book / "source/page.md").write_text("# Page\n\n```console\n$ true\n$ psql --host db-9\n```\n")
    assert [str(error) for error in names.unknown(book)] == [
        "source/page.md:5: unknown-name: host 'db-9' is not known\n"
        "  hint: correct it, or give it its source in examples/platform/facts.yaml"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "JOB_MAX_RETRIES, CONTENT_NOT_FOUND, ON_ERROR_STOP",
        "`jwt:revoked:*`, `cache:content:content_7`, `bull:publishing:$job`, `cache:*`",
        "`bull:publishing:stalled-check` `webhook:clerk:<svix id>:<type>`",
        '`curl "http://$host:3001/health"` `http://api:3001/health` `http://127.0.0.1:9090`',
        "`deployment/prod-worker`, staging-web, `prod-smartbeak-secrets`",
        "`status IN ('pending', 'publishing')` `status = 'past_due'`",
        "[BullMQ](https://docs.bullmq.io/guide)",
    ],
)
def test_known_names_are_not_complained_of(book: Path, text: str) -> None:
    assert said(book, text) == []


def test_every_subject_has_entries_whose_own_name_is_found() -> None:
    stack = subjects.read(ROOT)
    for name, subject in subjects.SUBJECTS.items():
        entries = list(subject.entries(stack))
        assert entries, name
        assert {len(entry.cells) for entry in entries} == {len(subject.heads)}, name


@pytest.mark.parametrize(
    ("subject", "entry", "line", "used"),
    [
        ("tables", "`domains`", "`SELECT id FROM domains`", True),
        ("tables", "`domains`", "Our domains, `subdomains`.", False),
        ("queues", "`analytics`", "`bull:analytics:wait`", True),
        ("queues", "`analytics`", "`analytics-raw` and analytics", False),
        ("redis-keys", "`jwt:revoked:<jti>`", "`jwt:revoked:*`", True),
        ("routes", "`/v1/content/{id}`", "`GET /v1/content/$id`", True),
        ("routes", "`/v1/content/{id}`", "`GET /v1/content/$id/publish`", False),
        ("error-codes", "`CONFLICT`", "`ON CONFLICT DO NOTHING`", False),
        ("hosts", "`db-2`", "`psql --host db-1`", False),
        ("defects", "23", "As in production (defects 12, 23).", True),
        ("defects", "23", "23 rows, defect 2.", False),
    ],
)
def test_a_page_that_uses_an_entry_is_found(
    subject: str, entry: str, line: str, used: bool
) -> None:
    [found] = [
        each for each in subjects.SUBJECTS[subject].entries(subjects.read(ROOT))
        if each.cells[0] == entry
    ]  # fmt: skip
    page = pages.Page("page", f"# Page\n\n{line}\n")
    assert bool(pages.using((page,), found.pattern, prose=found.prose)) is used


def test_the_reference_does_not_count_as_use_and_includes_do() -> None:
    book = pages.read(ROOT)
    assert not any(page.docname.startswith("reference/") for page in book)
    [contract] = [page for page in book if page.docname.endswith("/api-contract")]
    assert "`call ROLE METHOD PATH" in contract.text


def test_the_glossary_has_its_words_and_each_is_used() -> None:
    parts = uses.glossary(ROOT)
    terms = {name: about for part in parts.values() for name, about in part.items()}
    assert len(terms) >= 16
    book = pages.read(ROOT)
    unused = [
        name for name, about in terms.items()
        if not any(uses.says(page, name, about.get("also", ())) for page in book)
    ]  # fmt: skip
    assert unused == []


def test_the_codes_of_refusals_are_among_the_platforms() -> None:
    facts = subjects.read(ROOT).facts
    statuses = facts["production-codes"]["statuses"]
    for about in facts["refusals"].values():
        if about["code"]:
            assert statuses[about["code"]] == about["status"]


FIRST = "# One\n\nSee `SELECT * FROM usage_alerts` and the canary.\n"


@pytest.mark.parametrize(
    ("text", "tables"),
    [
        (FIRST.replace("See", "Look at"), set()),
        (FIRST.replace("One", "Other"), {"tables", "glossary:book"}),
        (FIRST.replace("FROM usage_alerts", "FROM users"), {"tables"}),
        (FIRST.replace("the canary", "nothing"), {"glossary:book"}),
        (f"{FIRST}\nAsk `db-1`.\n", {"hosts"}),
        ("", {"tables", "glossary:book"}),
    ],
)
def test_a_page_makes_only_the_tables_stale_that_name_it_otherwise_now(
    book: Path, text: str, tables: set[str]
) -> None:
    page = book / "source/one.md"
    page.write_text(FIRST)
    before = uses.read(book, {})
    assert {*before["one"].used} == {"tables", "glossary:book"}
    page.write_text(text)
    if not text:
        page.unlink()
    assert {*uses.stale(before, uses.read(book, before))} == tables


def test_only_a_page_that_names_other_things_now_has_the_tables_made_anew(book: Path) -> None:
    made = Book(book)
    made.put("conf.py", 'extensions = ["myst_parser", "smartbeak_reference"]\n')
    for name in uses.SOURCES:
        shutil.copy(ROOT / name, book / name)
    made.put("source/index.md", "# Book\n\n```{toctree}\none\nreference/names\n```\n")
    made.put("source/one.md", FIRST)
    table = "# Names\n\n```{smartbeak-reference} tables\n```\n"
    made.put("source/reference/names.md", table)

    def read_again(text: str) -> set[str]:
        before = dict(made.app.env.all_docs)
        made.put("source/one.md", text)
        assert made.build("html") == 0
        return {name for name, at in made.app.env.all_docs.items() if before[name] != at}

    made.build("html")
    page = book / "build/html/reference/names.html"

    def named() -> bool:
        table = BeautifulSoup(page.read_text(), "html.parser")
        return table.select_one("td a[href='../one.html']") is not None

    assert named()
    assert read_again(FIRST.replace("See", "Look at")) == {"one"}
    assert read_again(FIRST.replace("usage_alerts", "none")) == {"one", "reference/names"}
    assert not named()


# What is said to be compared.


def compared(subject: str) -> dict[str, str]:
    asked = evidence.blocks(ROOT)
    return {name: block for (kind, name), block in asked.items() if kind == subject}


def test_what_a_page_says_it_compared_is_what_it_asks_for() -> None:
    found = re.findall(
        r"(?m)^([\w-]+): (\d+) compared, none differs",
        (ROOT / "source/reference/compared.md").read_text(),
    )
    assert len(found) == len(EXPECTED)
    for subject, count in found:
        here = [block for block in compared(subject).values() if "/compared#" in block]
        assert len(here) == int(count), subject


def test_an_entry_that_no_block_asks_for_is_not_compared() -> None:
    keys = compared("redis-keys")
    assert keys["lock:publish:<job id>"] == "reference/compared#redis-keys"
    assert keys["stripe:processed:<event id>"].endswith("/webhooks#keys-compared")
    assert "cache:nothing" not in keys and "most bytes" not in compared("job-options")
    # The block that shows a comparison failing asks for this one too.
    assert keys["bull:<queue>:meta"] == "reference/compared#redis-keys"


def test_a_block_that_is_gone_takes_its_entries_with_it(book: Path) -> None:
    text = (ROOT / "source/reference/compared.md").read_text()
    (book / "source/page.md").write_text(text)
    assert ("tables", "users") in evidence.blocks(book)
    (book / "source/page.md").write_text(text.replace("$ compare-names tables", "$ true"))
    asked = evidence.blocks(book)
    assert ("tables", "users") not in asked and ("queues", "publishing") in asked


def test_a_page_that_asks_for_what_cannot_be_compared_is_refused(book: Path) -> None:
    block = "```{code-block} console\n:name: a\n\n$ compare-names queues lost\n```\n"
    (book / "source/page.md").write_text(f"# Page\n\n{block}")
    with pytest.raises(LookupError, match=r"^page: queues has no lost$"):
        evidence.blocks(book)


def test_every_entry_that_a_block_asks_for_is_in_its_table() -> None:
    stack, asked = subjects.read(ROOT), set(evidence.blocks(ROOT))
    for name, subject in subjects.SUBJECTS.items():
        kind = subject.compared_as or name
        asked -= {(kind, entry.key) for entry in subject.entries(stack)}
    assert asked == set()


def test_each_test_that_an_entry_names_is_there() -> None:
    texts = [path.read_text() for path in (ROOT / "tests/stack").glob("test_*.py")]
    for test in {*subjects.BY_TEST.values(), subjects.OPTIONS_TEST}:
        assert any(f"\ndef {test}(" in text for text in texts), test


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        ({"a": {"x": "1"}}, []),
        ({}, ["a is not on the stack"]),
        ({"a": {"x": "2"}}, ["a: x: the facts say 1, the stack has 2"]),
        ({"a": {"x": "1", "y": "3"}}, ["a: y: the facts say nothing, the stack has 3"]),
        ({"a": {"x": "1"}, "b": {}}, []),
        ({"a": {"x": "1"}, "c": {}}, ["c of the stack is not in the facts"]),
    ],
)
def test_a_difference_is_said_with_the_line_of_the_facts(
    tmp_path: Path, seen: Said, says: list[str]
) -> None:
    (tmp_path / "platform").mkdir()
    (tmp_path / FACTS).write_text("redis:\n  a: 1\nqueues:\n  b: 1\n  a: 1\nmore: 1\n")
    wanted, facts = {"a": {"x": "1"}}, Facts(tmp_path)
    found = list(differences("queues", facts, wanted, seen, {"a", "b"}))
    lines = [3 if each.endswith("in the facts") else 5 for each in says]
    assert found == [
        f"examples/{FACTS}:{line}: queues: {each}" for line, each in zip(lines, says, strict=True)
    ]
