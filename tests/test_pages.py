"""The pages themselves: what no build can notice, held against facts, engine and template."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from drillbook import plan
from drillbook.drills import faults
from drillbook.errors import HarnessError, PageError
from drillbook.incidents import people
from drillbook.model import Plan, Snippet
from drillbook.pages import frontmatter, languages
from drillbook.pages.console import parse
from drillbook.pages.options import DRILL_OPTIONS, SNIPPET_OPTIONS
from drillbook.pages.statements import statements
from drillbook.runs import mutants
from smartbeak_drills.kit import KIT
from tests.test_runbooks import WALKS

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "source"
PAGES = sorted(SOURCE.glob("**/[!_]*/*.md")) + sorted(SOURCE.glob("*.md"))
WRITING = SOURCE / "docs/writing-a-page.md"
SEVERITY = SOURCE / "reference/severity.md"
FACTS: dict[str, Any] = yaml.safe_load((ROOT / "examples/platform/facts.yaml").read_text())

page = pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(SOURCE)))


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The plan of the pages as they are, made beside the project's own."""
    out = tmp_path_factory.mktemp("book")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "plan", "-c", str(ROOT)]
    command += ["-d", str(out / "trees"), str(SOURCE), str(out)]
    made = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    assert made.returncode == 0, made.stderr
    return plan.read(out / "plan.json")


def snippets(book: Plan) -> Iterator[Snippet]:
    """Every snippet of the book, once."""
    seen = {s.id: s for p in book.pages for scenario in p.scenarios for s in scenario.snippets}
    yield from seen.values()


def typed(snippet: Snippet) -> str:
    """What a reader types."""
    if snippet.language != "console":
        return snippet.text
    commands = parse(snippet.text, snippet.path, snippet.line)
    return "\n".join(command.text for command in commands)


def prose(text: str) -> str:
    """A page without its front matter, blocks, inline code, and addresses of links."""
    text = re.sub(r"(?s)\A---\n.*?\n---\n", "", text)
    text = re.sub(
        r"(?ms)^(`{3,})(?!\{(?:danger|warning|note|tip|important|dropdown)).*?^\1$", "", text
    )
    return re.sub(r"`[^`\n]*`|\]\([^)\n]*\)", "", text)


# Facts. The platform's names stand in examples/platform/facts.yaml, those of the
# drills' own tables in examples/postgres/probe.sql.

_SQL_PROGRAMS = ("psql", "pg_dump", "pg_restore")
_BEGINS_AS_SQL = re.compile(
    r"\s*(?:select|insert|update|delete|merge|with|create|alter|drop|truncate|explain|do|copy"
    r"|grant|revoke|vacuum|analyze|reindex|checkpoint|show|set|reset|begin)\s",
    re.IGNORECASE,
)
_SYSTEM_COLUMNS = frozenset({"ctid", "tableoid", "xmax", "xmin"})
_AFTER_TABLE_WORD = re.compile(r"\b(?:from|join|into|update|table|truncate|only)\s+([a-z_][\w.]*)")
_KEYWORDS = frozenset(
    """
    all analyze and any array as asc at begin between bigint boolean by case cast checkpoint
    coalesce columns commit concurrently conflict copy count create cross current_date
    current_setting current_timestamp current_user database declare default delete desc distinct
    do drop else end epoch except excluded execute exists explain extract false filter first for
    format from full function grant group having if in inner insert integer intersect interval
    into is isolation join language last lateral left level like limit lock loop materialized
    minutes not nothing notice now null nulls numeric of off offset on only or order outer over
    partition perform pg_lsn primary raise read record return returning right rollback row rows
    schema select session_user set setof show similar some start stdout table temp temporary text
    then time timestamp timestamptz to transaction true truncate union unique update usage user
    using vacuum values view when where while window with within without work zone exception
    csv header add alter column verbose
    """.split()  # noqa: SIM905 - a table of words
)
_TABLES = {
    **{name: set(columns) for name, columns in FACTS["tables"].items()},
    **{
        f"drillbook.{name}": set(re.findall(r"(?m)^    ([a-z_]+) ", body))
        for name, body in re.findall(
            r"(?ms)^CREATE TABLE drillbook\.(\w+) \(\n(.*?)\n\);",
            (ROOT / "examples/postgres/probe.sql").read_text(),
        )
    },
    # Of releases that the drills take back.
    **{
        name: set(re.findall(r"(?m)^    ([a-z_]+) ", body))
        for file in (ROOT / "examples/faults/migrations").rglob("*.up.sql")
        for name, body in re.findall(r"(?ms)^CREATE TABLE (\w+) \(\n(.*?)\n\);", file.read_text())
    },
}


def sql_of(text: str) -> Iterator[str]:
    """The SQL in shell text: documents of PostgreSQL's clients, words that begin as SQL."""
    for statement in statements(text):
        if statement.program in _SQL_PROGRAMS:
            yield from statement.documents
        for word in statement.words:
            sql = re.sub(r"^(?:--command=|-[a-zA-Z]*c)", "", word)
            if _BEGINS_AS_SQL.match(sql):
                yield sql


def unknown_names(sql: str) -> set[str]:
    """Tables and columns in SQL that are neither facts, nor PostgreSQL's, nor its own."""
    sql = re.sub(r"\$\([^)]*\)|\$\{?\w+\}?", " 0 ", sql)
    sql = re.sub(r"\\copy\s+([\w.]+)[^\n]*", r"; select from \1;", sql)
    sql = re.sub(r"--[^\n]*|'(?:[^']|'')*'|\$[a-z]*\$|\\[a-z][^\n]*|:'?\w+'?", " ", sql).lower()
    here = dict(_TABLES)
    made_like = (
        r"create\s+(?:temp\w*\s+)?table\s+(\w+)\s+(?:\(like|as\s+select[^;]*?\bfrom)\s+(\w+)"
    )
    for made, like in re.findall(made_like, sql):
        here[made] = _TABLES.get(like, set())
    found: set[str] = set()
    for statement in sql.split(";"):
        # Settings are the server's own: it refuses those that it does not know.
        # So are roles and what they may do.
        own = r"alter\s+(?:system|database|role)|create\s+role|show|(?:grant|revoke)\s+connect"
        if re.match(rf"\s*(?:{own})\b", statement):
            continue
        tables = set(_AFTER_TABLE_WORD.findall(statement)) - _KEYWORDS
        catalog = {name for name in tables if re.match(r"pg_|information_schema\.", name)}
        called = set(re.findall(r"\b([a-z_]\w*)\s*(?:\(|=>)", statement))
        local = set(re.findall(r"\bas\s+([a-z_]\w*)", statement))
        local |= set(re.findall(r"\b([a-z_]\w*)\s+as\s+(?:materialized\s+)?\(", statement))
        # What a migration adds is its own.
        local |= {*re.findall(r"\b(?:add|drop)\s+column\s+(\w+)", statement)}
        found |= tables - catalog - called - local - set(here)
        if catalog:
            # What the server's own views hold, the server itself checks.
            continue
        alias = {
            short: table
            for table in tables & set(here)
            for short in re.findall(rf"\b{re.escape(table)}\s+(?:as\s+)?([a-z_]\w*)", statement)
        } | {table: table for table in tables & set(here)}
        columns = set().union(*(here[table] for table in set(alias.values()) or here))
        words = set(re.findall(r"(?<![\w.])[a-z_]\w*(?:\.[a-z_]\w*)*", statement))
        for word in words - _KEYWORDS - called - local - tables - set(alias) - set(here):
            qualifier, _, name = word.rpartition(".")
            if qualifier in alias:
                good = name in here[alias[qualifier]] | _SYSTEM_COLUMNS
            else:
                good = name in columns | _SYSTEM_COLUMNS or qualifier in local or name in local
            if not good:
                found.add(word)
    return found


def test_unknown_names_are_found_in_sql() -> None:
    assert unknown_names("SELECT status, count(*) FROM content_items GROUP BY 1") == set()
    assert unknown_names("SELECT c.heading FROM content_items AS c") == {"c.heading"}
    assert unknown_names("SELECT id, heading FROM content_items") == {"heading"}
    assert unknown_names("WITH w AS (SELECT id FROM plans) SELECT w.id FROM w") == set()
    assert unknown_names("SELECT id FROM contents") == {"contents"}
    assert unknown_names("UPDATE system_flags SET flag = true WHERE org_id = 'x'") == {"flag"}
    assert (
        unknown_names(
            "CREATE TABLE t (LIKE plans); \\copy t FROM 'x'\nSELECT t.xmin, t.name FROM t"
        )
        == set()
    )
    assert unknown_names("CREATE TEMP TABLE t AS SELECT id FROM plans; SELECT t.id FROM t") == set()
    assert unknown_names("CREATE TABLE t AS SELECT id FROM plan") == {"id", "plan"}
    assert unknown_names("ALTER SYSTEM SET max_connections = 60") == set()
    assert unknown_names("UPDATE plans AS p SET name = t.title FROM users AS t") == {"t.title"}
    assert unknown_names("SELECT whatever FROM pg_stat_activity") == set()
    assert (
        unknown_names("SELECT seq FROM drillbook.probe; SELECT node FROM drillbook.health") == set()
    )
    assert unknown_names("SELECT seq FROM drillbook.probes") == {"drillbook.probes"}


def test_sql_is_found_in_commands_and_here_documents() -> None:
    text = "ask db-1 'SELECT 1'\npsql --command='SELECT 2' <<'SQL'\nSELECT 3\nSQL\necho selected\n"
    assert sorted(part.strip() for part in sql_of(text)) == ["SELECT 1", "SELECT 2", "SELECT 3"]


_ABSENT = re.compile(r"ERROR:  42(?:703|P01|804)")
"""How PostgreSQL says that there is no such column or table, or that two types do not fit."""


def _shown_to_fail(snippet: Snippet) -> bool:
    """Whether PostgreSQL's answer to the snippet's only command is one of these."""
    commands = list(languages.commands(snippet))
    return len(commands) == 1 and bool(_ABSENT.fullmatch("\n".join(commands[0].expected).strip()))


def test_only_what_is_shown_to_fail_may_name_what_is_not_there() -> None:
    def shown(text: str) -> Snippet:
        return Snippet("a#b", "b", "console", "source/a.md", 1, text)

    assert _shown_to_fail(shown("$ psql --command 'SELECT a FROM b'\nERROR:  42P01\n"))
    assert not _shown_to_fail(shown("$ psql --command 'SELECT a FROM b'\n1\n"))
    assert not _shown_to_fail(shown("$ psql\nERROR:  42P01\n$ psql\n1\n"))


def test_tables_and_columns_in_snippets_are_facts(book: Plan) -> None:
    wrong = {
        snippet.id: sorted(names)
        for snippet in snippets(book)
        if not _shown_to_fail(snippet)
        and (names := set().union(*map(unknown_names, sql_of(typed(snippet)))))
    }
    assert wrong == {}


def _route(path: str) -> str:
    """A path as the facts write it: `/v1/content/$id` is `/v1/content/{id}`."""
    path = re.sub(r"/(?:\$\{?\w+(?:\[\d+\])?\}?|:\w+)", "/{id}", path).rstrip("/")
    for known in sorted(_ROUTES):
        if (
            "{" in known
            and known != "/v1/{id}"
            and re.fullmatch(re.sub(r"\{\w+\}", r"[\\w.-]+", known), path)
        ):
            return path if path in _ROUTES else known
    return path


_ROUTES = {
    *(str(name) for key in ("endpoints", "web") for name in FACTS[key]),
    "/openapi.json",  # every FastAPI application has it
    "/",  # the web application's first page
    "/content",  # the path of before, which is redirected
    "/api/webhooks/",  # the provider's name follows in a loop
    "/v1/events",  # Stripe's own, asked for by a variable
    "/v1/{id}",  # each of a list of routes that are not there
    # Routes of the platform that the reference platform leaves out, each with the reason.
    *re.findall(r"(?:GET|POST) (/[\w/-]+)", " ".join(map(str, FACTS["left-out"]))),
}


def test_a_route_is_known_by_its_variable() -> None:
    assert _route("/v1/admin/dlq/$job") == "/v1/admin/dlq/{id}"
    assert _route("/v1/publishing/jobs/${job[0]}/retry") == "/v1/publishing/jobs/{id}/retry"
    assert _route("/v1/content/") == "/v1/content"
    assert _route("/v1/content/content_7/publish") == "/v1/content/{id}/publish"
    assert _route("/v1/contents") == "/v1/contents"


_OTHERS = re.compile(
    r"\bhttps?://api\.(?:stripe|paddle)\.com/[^\s'\";]*|/api/v1/namespaces/[^\s'\";]*"
)
"""Addresses of the payment providers' and Kubernetes' own interfaces."""


def test_routes_of_others_are_not_the_platform_s() -> None:
    text = 'curl https://api.stripe.com/v1/prices/x; kubectl get --raw "/api/v1/namespaces/n/p"'
    assert _OTHERS.sub("", text) == 'curl ; kubectl get --raw ""'
    assert _OTHERS.sub("", "curl https://api.smartbeak.com/v1/x") != "curl "


def _shown_as_absent(snippet: Snippet) -> set[str]:
    """The routes of commands that are shown to be answered 404, and of no others."""
    found: set[str] = set()
    for command in languages.commands(snippet):
        # A whole block has no output of its own: there it is the statement that says so.
        answers = command.expected if languages.of(snippet).prompts else (command.text,)
        if any(re.search(r"\b404\b", line) for line in answers):
            found |= {_route(path) for path in re.findall(r"(/v1/[\w/.:${}\[\]-]+)", command.text)}
            found |= set(re.findall(r"\bhttps?://[^\s/'\"]+(/[\w/.:-]*)", command.text))
    return found


def test_a_route_that_is_shown_to_be_absent_excuses_no_other() -> None:
    text = "$ curl http://api/v1/gone\n404\n$ curl http://api/v1/other\n200\n"
    shown = Snippet("a#b", "b", "console", "source/a.md", 1, text)
    assert "/v1/gone" in _shown_as_absent(shown)
    assert "/v1/other" not in _shown_as_absent(shown)


def test_queues_endpoints_and_databases_in_snippets_are_facts(book: Plan) -> None:
    known = {str(name) for name in FACTS["queues"]} | _ROUTES
    wrong = {}
    for snippet in snippets(book):
        text = typed(snippet)
        used = set(re.findall(r"\bbull:([\w-]+):", text))
        text = _OTHERS.sub("", text)
        # What publish targets answer is theirs, not the platform's.
        asked = re.findall(r"\bhttps?://(?!site\d|\$url)[^\s/'\"]+(/[\w/.:-]*)", text)
        used |= {_route(path) if path.startswith("/v1/") else path for path in asked}
        used |= {_route(path) for path in re.findall(r"(/v1/[\w/.:${}\[\]-]+)", text)}
        databases = set(re.findall(r"(?:--dbname[= ]|\bdbname=|PGDATABASE=)([\w-]+)", text))
        databases |= set(re.findall(r"postgres(?:ql)?://[^\s/'\"]+/([\w-]+)", text))
        used -= _shown_as_absent(snippet)
        used -= {"//"}  # an address is put together there
        missing = (used - known) | (databases - set(FACTS["databases"]) - {"postgres", "template0"})
        if missing:
            wrong[snippet.id] = sorted(missing)
    assert not wrong, "\n".join(f"{name}: {names}" for name, names in wrong.items())


# Every page


@page
def test_every_page_has_its_front_matter(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    found, _, errors = frontmatter.read(path.read_text(encoding="utf-8"), name)
    assert errors + frontmatter.missing(found, name) == []
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", found.owner), "an owner is a role, in lower case"


@page
def test_every_diagram_has_a_text_alternative(path: Path) -> None:
    diagrams = re.findall(
        r"(?ms)^(`{3,}|:{3,})(\{mermaid\}|mermaid)[^\n]*\n(.*?)^\1$", path.read_text()
    )
    for _, kind, body in diagrams:
        assert kind == "{mermaid}", "a plain mermaid fence has no place for an alternative"
        alternative = re.search(r"(?m)^:(?:alt|caption): (.{20,})$", body)
        assert alternative, f"no text alternative: {body.strip().splitlines()[0]}"
        arrows = [line.strip() for line in body.splitlines() if re.search(r"--+>|->>", line)]
        assert [arrow for arrow in arrows if not _LABELLED.search(arrow)] == []


_LABELLED = re.compile(r"-- \S.* --+>|--+>\|[^|]+\||->>[^:]+: \S|-->[^:]+: \S")


_PLACEHOLDER = re.compile(
    r"\b(?:TODO|TBD|FIXME|XXX|lorem ipsum|coming soon|fill in here|to be (?:defined|determined))\b"
    r"|\[(?:your|name|date|insert|on-call|tbd)[^\]]*\](?!\()|<(?:your|name|insert)[^>]*>"
    r"|\b(?:your|my)-(?:\w+-)?(?:host|server|domain|bucket|cluster|database)\b",
    re.IGNORECASE,
)


MOST_WORDS = 3_000


def words(text: str) -> int:
    """How many words a page has without its front matter; what it includes is not counted."""
    return len(re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL).split())


def test_words_are_counted_without_front_matter() -> None:
    assert words("---\nowner: a b c\n---\n\n# A page\n\n" + "word " * 7) == 10


@page
def test_a_page_that_is_too_long_is_split(path: Path) -> None:
    assert words(path.read_text()) <= MOST_WORDS


@page
def test_nothing_is_left_for_the_reader_to_fill_in(path: Path) -> None:
    # In blocks that are run the plan builder refuses them.
    assert _PLACEHOLDER.findall(prose(path.read_text(encoding="utf-8"))) == []


def named(text: str) -> set[str]:
    """What looks like a person: a name, a mail address, a phone number."""
    return {*people.named(text), *re.findall(r"\+\d[\d ()-]{7,}\d", text)}


def test_people_are_found() -> None:
    text = "Ask the Incident Commander, Jane Doe, jane@corp.example, +49 30 1234567, or @jane."
    assert named(text) == {"Jane Doe", "jane@corp.example", "+49 30 1234567", "@jane"}


@page
def test_no_page_names_a_person(path: Path) -> None:
    assert named(prose(path.read_text(encoding="utf-8"))) == set()


# Severity


@page
def test_the_former_severity_names_stand_on_the_severity_page_alone(path: Path) -> None:
    former = re.findall(r"\bSEV[- ]?\d", path.read_text(encoding="utf-8"))
    if path == SEVERITY:
        assert former == ["SEV-1", "SEV-4"], "they are named once, as what the levels were called"
    else:
        assert former == []


def test_the_severity_page_has_the_one_scale() -> None:
    rows = re.findall(
        r"(?m)^\| \*\*(P\d)\*\* \| [^|]+ \| ([^|]+) \| ([^|]+) \|$", SEVERITY.read_text()
    )
    assert rows[:4] == [
        ("P0", "at once", "every 15 min"),
        ("P1", "within 15 min", "every 30 min"),
        ("P2", "within 30 min", "every 4 h"),
        ("P3", "within 2 h", "daily"),
    ]


@page
def test_severities_are_those_of_the_scale(path: Path) -> None:
    assert set(re.findall(r"\bP\d\b", prose(path.read_text()))) <= {"P0", "P1", "P2", "P3"}


# The pages about the book


def test_every_option_is_shown_live(book: Plan) -> None:
    text = WRITING.read_text(encoding="utf-8")
    names = {snippet.name for snippet in snippets(book) if snippet.path.endswith(WRITING.name)}
    live = re.findall(r"(?m)^```\{code-block\} \w+\n((?::.*\n)+)", text)
    given = {name for options in live for name in re.findall(r"(?m)^:([a-z-]+):", options)}
    assert given == {option.name for option in SNIPPET_OPTIONS}
    [drill] = re.findall(r"(?m)^```\{drill\} [\w-]+\n((?::.*\n)+)", text)
    assert set(re.findall(r"(?m)^:([a-z-]+):", drill)) == {option.name for option in DRILL_OPTIONS}
    shown = set(re.findall(r"(?m)^```\{drillbook-written\} ([\w-]+)$", text))
    assert shown - {"primary-stopped"} <= names


def test_every_fault_of_the_book_is_one_of_the_stack_s(book: Plan) -> None:
    names = {
        step.name
        for page in book.pages
        for scenario in page.scenarios
        if scenario.drill
        for step in faults.parse(scenario.drill.fault, KIT).all_steps
    }
    assert len(names) > 30
    assert names <= set(KIT.faults)


def test_every_guard_before_a_step_is_seen_to_refuse_in_its_runbook(book: Plan) -> None:
    unseen = []
    for each in (each for each in book.pages if "runbooks" in each.docname.split("/")):
        folder = each.docname.rpartition("/")[0]
        # A walk repeats the steps of several runbooks: its guards refuse in theirs.
        place = "runbooks/" if folder in WALKS else f"{folder}/"
        beside = [other for other in book.pages if place in other.docname]
        shown = {guard for other in beside for guard in mutants.refusing(other)}
        unseen += [
            f"{snippet.path}:{snippet.line}: {' '.join(guard)}"
            for snippet, guard in mutants.asked(each)
            if guard not in shown
        ]
    assert unseen == []


def engine_codes() -> dict[str, set[str]]:
    """Every code with which the engine complains of a page, and of itself."""
    found: dict[str, set[str]] = {PageError.__name__: set(), HarnessError.__name__: set()}
    for path in sorted((ROOT / "drillbook").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            name = node.func.id if isinstance(node.func, ast.Name) else name
            code = node.args[0]
            if not isinstance(code, ast.Constant) or not isinstance(code.value, str):
                continue
            if name in found:
                found[name].add(code.value)
            elif name == "_error" and path.name == "extract.py":
                found["PageError"].add(code.value)
    return found


# Codes of the command line, the PDF and the tools, where the message itself is enough.
_ELSEWHERE = frozenset({"unknown-backend", "unknown-page", "dead-anchor"})


def test_every_error_code_says_what_to_do() -> None:
    table = "".join(
        path.read_text(encoding="utf-8").partition("## When something is wrong")[2]
        for path in PAGES
    )
    listed = {code for row in re.findall(r"(?m)^\| (`.*?`) \|", table)
              for code in re.findall(r"`([a-z-]+)`", row)}  # fmt: skip
    codes = engine_codes()
    assert codes["PageError"] - _ELSEWHERE - listed == set()
    assert listed - codes["PageError"] - codes["HarnessError"] == set()
