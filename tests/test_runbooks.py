"""The form of runbooks: hubs, branches, and what neither may have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from drillbook import consistency
from drillbook.site import triage

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "source"
ASIDE = (
    "never",
    "never-managed",
    "watch",
    "guards",
    "decide",
    "before-a-deployment",
    "reconciliation",
    "stop-taking-money",
)
"""Pages beside the branches, linked and not in the way."""

HUB_WORDS, BRANCH_WORDS, ASIDE_WORDS = 500, 1_000, 1_500

TREES = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted(Path(consistency.stack_of(ROOT).triage).glob("*.yaml"))
}
HUBS = sorted({str(tree["hub"]) for tree in TREES.values() if (SOURCE / str(tree["hub"])).is_dir()})
BRANCHES = [
    path for hub in HUBS for path in sorted((SOURCE / hub).glob("*.md")) if path.stem not in ASIDE
]
hub = pytest.mark.parametrize("docname", HUBS)
branch = pytest.mark.parametrize("path", BRANCHES, ids=lambda p: f"{p.parent.name}/{p.stem}")
aside = pytest.mark.parametrize(
    "path",
    [p for hub in HUBS for name in ASIDE if (p := SOURCE / hub / f"{name}.md").is_file()],
    ids=lambda p: f"{p.parent.name}/{p.stem}",
)  # fmt: skip


def words(text: str) -> int:
    """Words of a page as a reader sees them, code and what is folded included."""
    text = re.sub(r"(?s)\A---\n.*?\n---\n", "", text)
    text = re.sub(r"(?ms)^```\{(?:toctree|drill|mermaid)\}.*?^```$", "", text)
    text = re.sub(r"(?m)^(?:`{3,}|:{3,}).*$|^:[a-z-]+:(?: .*)?$|^\|[-| ]+\|$", "", text)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    return len([word for word in text.split() if re.search(r"\w", word)])


def test_words_are_counted_as_a_reader_sees_them() -> None:
    page = "---\nowner: x\n---\n\n# Two words\n\n```{drill} d\n:fault: kill x\n```\n\n"
    page += "```{code-block} console\n:name: n\n\n$ ls -l\n```\n\nSee [this page](a/b.md).\n"
    assert words(page) == 2 + 2 + 3


def functions(text: str) -> list[str]:
    """Names of shell functions that a page would have its reader paste."""
    return re.findall(r"(?m)^\s*(?:\$ )?(?:function\s+)?([A-Za-z_]\w*)\s*\(\)\s*[{(]", text)


def test_a_function_is_seen() -> None:
    assert functions("$ ask() { psql; }\nlook() {\n  x\n}\ncount(*)\n") == ["ask", "look"]


_DECIDES = re.compile(r"(?m)^\| [^|\n]+ \|(?: [^|\n]+ \|)* (?:Then|Do|Stop|Open) \|$")
"""A table that says for each answer where to go on."""


def steps_without_a_way_out(text: str) -> Iterator[str]:
    """Sections that expect something of a command and do not say what if it does not come."""
    for section in re.split(r"(?m)^#{2,3} ", text)[1:]:
        title = section.partition("\n")[0]
        if title.startswith("In production"):
            continue
        blocks = re.findall(r"(?ms)^```\{code-block\} console\n(.*?)^```$", section)
        expects = any(re.search(r"(?m)^(?!\$|:|\s|\.\.\.)\S", block) for block in blocks)
        if expects and "*If not:*" not in section and not _DECIDES.search(section):
            yield title


def test_a_step_without_a_way_out_is_seen() -> None:
    block = "```{code-block} console\n:name: n\n\n$ ls\na\n```\n"
    assert list(steps_without_a_way_out(f"# T\n\n## Act\n\n{block}")) == ["Act"]
    assert not list(steps_without_a_way_out(f"# T\n\n## Act\n\n{block}\n*If not:* stop.\n"))
    silent = "```{code-block} console\n:name: n\n\n$ true\n```\n"
    assert not list(steps_without_a_way_out(f"# T\n\n## Act\n\n{silent}"))


def test_every_tree_leads_to_pages_that_are_there() -> None:
    missing = {
        (name, str(row["branch"]))
        for name, tree in TREES.items()
        for row in tree["rows"]
        if not (SOURCE / f"{str(row['branch']).partition('#')[0]}.md").is_file()
    }
    assert missing == set()


def _rows() -> set[str]:
    rows = (row for tree in TREES.values() for row in tree["rows"])
    return {str(row["branch"]).partition("#")[0] for row in rows}


def test_every_branch_is_found_by_a_row_or_from_one_that_is() -> None:
    found = _rows()
    linked = {
        (SOURCE / name).parent / to
        for name in found
        for to in re.findall(r"\]\(([\w./-]+\.md)", (SOURCE / f"{name}.md").read_text())
    }
    linked |= {
        (SOURCE / name).parent / to
        for name in HUBS
        for to in re.findall(r"\]\(([\w./-]+\.md)", (SOURCE / f"{name}.md").read_text())
    }
    known = {SOURCE / f"{name}.md" for name in found} | {path.resolve() for path in linked}
    assert [path for path in BRANCHES if path not in known] == []


@hub
def test_what_may_be_automated_is_said_of_every_runbook(docname: str) -> None:
    page = (SOURCE / "operations/failure-drills.md").read_text(encoding="utf-8")
    _, _, table = page.partition("## What may be automated")
    assert f"](../{docname}.md)" in table.partition("\n## ")[0]


@hub
def test_a_hub_is_short_and_has_one_table_and_a_stop_card(docname: str) -> None:
    text = (SOURCE / f"{docname}.md").read_text(encoding="utf-8")
    [tree] = [each for each in TREES.values() if each["hub"] == docname]
    # A mark is one word here; the rows that are folded below the table are not counted.
    table = re.sub(r"`branch \S+`", "`mark`", triage.branches(tree["rows"]))
    assert words(text) + words(table) <= HUB_WORDS
    assert len(re.findall(r"\{drillbook-triage\}", text)) == 1
    assert functions(text) == []
    [card] = re.findall(r"(?ms)^:::\{admonition\} Never\n:class: danger\n(.*?)^:::$", text)
    assert len(re.findall(r"(?m)^\d\. ", card)) == 5
    assert "{drillbook-contacts}" in text


@branch
def test_a_branch_is_short_whole_and_named_by_its_symptom(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert words(text) <= BRANCH_WORDS
    assert functions(text) == []
    title = re.findall(r"(?m)^# (.+)$", text)[0]
    assert not re.match(r"[A-Z]\d?[.:] ", title), "a letter says nothing"
    assert "## Act" in text and "## Stop and escalate" in text
    assert not re.search(r"as in [A-Z],? step", text)


@branch
def test_every_step_of_a_branch_says_what_if_not(path: Path) -> None:
    assert list(steps_without_a_way_out(path.read_text(encoding="utf-8"))) == []


@branch
def test_a_branch_is_drilled_or_says_that_it_is_not(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    drilled = re.search(r"(?m)^# .+\n\n```\{drill\} ", text)
    assert bool(drilled) != ("{admonition} Not drilled" in text)
    name = path.relative_to(SOURCE).with_suffix("").as_posix()
    if drilled and name in _rows():
        expected = _SHOWN_AS.get(name, name)
        assert f": {expected}" in text, "the drill begins with triage and expects its own page"


_SHOWN_AS = {
    # Who had the job is dead: triage names that first, and the page says so.
    "reliability/runbooks/publishing/job-stalled": "reliability/runbooks/publishing/worker-dead",
}


@aside
def test_what_stands_beside_the_branches_is_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert words(text) <= ASIDE_WORDS
    assert functions(text) == []


WALKS = ("runbooks/two-at-once", "runbooks/while-you-mend")
"""Hubs without a tree: `sb triage` leads through their pages."""

UNSEEN = {"prometheus-and-worker"}
"""Where `sb` sees only one of the two faults: it does not ask Prometheus."""


@pytest.mark.parametrize("docname", WALKS)
def test_a_walk_through_two_branches_has_their_form(docname: str) -> None:
    hub = (SOURCE / f"{docname}.md").read_text(encoding="utf-8")
    assert words(hub) <= HUB_WORDS
    pages = sorted((SOURCE / docname).glob("*.md"))
    assert len(pages) >= 5
    for path in pages:
        text = path.read_text(encoding="utf-8")
        assert f"({path.parent.name}/{path.name})" in hub
        assert words(text) <= BRANCH_WORDS
        assert re.search(r"(?m)^# .+\n\n```\{drill\} ", text)
        asked = 1 if path.stem in UNSEEN else 2
        assert text.count("$ sb triage\n...\nbranch: ") >= asked
        assert "## Act" in text and "## Stop and escalate" in text
        assert list(steps_without_a_way_out(text)) == []


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("never.md")), ids=lambda p: p.parent.name)
def test_what_writes_on_a_page_of_what_does_damage_says_so(path: Path) -> None:
    heads = re.findall(
        r"^`{3,}\{code-block\} \w+\n((?::.*\n)+)", path.read_text(encoding="utf-8"), re.MULTILINE
    )
    writes = [head for head in heads if re.search(r"^:effect: (write|destructive)$", head, re.M)]
    assert [head for head in writes if ":class: damage\n" not in head] == []
