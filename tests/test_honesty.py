"""Nothing is shown as verified that did not run as it stands: ways to try."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drillbook import plan as plans
from drillbook import report as reports
from drillbook import verification
from drillbook.model import DrillResult, Plan, Report, Result
from drillbook.runs import ledger
from drillbook.sandboxes.local import LocalBackend
from tests.sphinx_book import DRILL, FRONT, STACK, Book, block, snippets_of
from tests.test_bad_input import FINE, Front

NOW = datetime.now(UTC)

DRILLED = DRILL.replace(":rpo: 0s\n", ":rpo: 0s\n:uses: context\n")
PAGE = (
    block("$ echo context", "name: context", "effect: read")
    + "\n"
    + block("$ echo one\none", "name: first")
    + "\nSome words, and {{ word }}.\n\n"
    + block("$ echo two\ntwo", "name: second")
    + "\n```{literalinclude} ../examples/check.sh\n:language: bash\n:name: included\n```\n"
    + "\n## Lost\n\n"
    + DRILLED
    + block("$ echo seen\nseen", "name: seen", "effect: read")
    + "\n"
    + block("$ touch x", "name: act", "effect: write", "irreversible: so it is")
    + "\n"
    + block("$ touch x", "name: act-refused", "refusal-of: act", "exit-code: 1")
)
MAIN = {"context", "first", "second", "included"}
DRILL_STEPS = {"context", "seen", "act", "act-refused"}


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """A page with a main scenario and a drill that shares its first block."""
    made = Book(tmp_path)
    made.put("examples/compose.yaml", STACK)
    made.put("examples/check.sh", "true\n")
    made.put("examples/faults/delete.sql", "DELETE FROM x;\n")
    made.page(PAGE)
    return made


def all_passed(plan: Plan) -> Report:
    """A report of a run just now, in which everything passed."""
    scenarios = [scenario for page in plan.pages for scenario in page.scenarios]
    now = NOW.isoformat(timespec="seconds")
    results = tuple(
        Result(s.id, scenario.id, s.digest, "passed", started=now)
        for scenario in scenarios
        for s in scenario.snippets
    )
    drills = tuple(
        DrillResult(
            s.id, s.snippets[-1].digest, s.drill.fault, "passed", rto_s=900, recovered_s=1.0,
            control="stayed-down", started=now,
        )
        for s in scenarios
        if s.drill
    )  # fmt: skip
    return Report(1, now, now, "", "local", {}, (), results, drills)


def states(plan: Plan, report: Report) -> Mapping[str, str]:
    """State of each snippet and drill, by its name."""
    marks = verification.verify(plan, [report], NOW.date())
    drills = verification.verify_drills(plan, [report], NOW.date())
    return {
        **{id_.partition("#")[2]: mark.state for id_, mark in marks.items()},
        **{id_.partition("#")[2]: mark.state for id_, mark in drills.items()},
    }


def edit(old: str, new: str) -> Callable[[Book], object]:
    def change(book: Book) -> object:
        page = book.root / "source/index.md"
        text = page.read_text()
        assert old in text
        return page.write_text(text.replace(old, new, 1))

    return change


def put(path: str, text: str) -> Callable[[Book], object]:
    return lambda book: book.put(path, text)


EVERYTHING = MAIN | DRILL_STEPS | {"primary-lost"}


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        pytest.param(edit("$ echo two", "$ echo  two"), {"second", "included"}, id="command"),
        pytest.param(edit("\ntwo\n", "\ntwoo\n"), {"second", "included"}, id="output"),
        pytest.param(
            edit(":name: second", ":name: second\n:timeout: 31s"),
            {"second", "included"},
            id="option",
        ),
        pytest.param(
            edit("$ echo context", "$ echo Context"), EVERYTHING, id="a block that both use"
        ),
        pytest.param(put("examples/check.sh", "true\ntrue\n"), EVERYTHING, id="included file"),
        pytest.param(put("examples/new", "x"), EVERYTHING, id="new file of the stack"),
        pytest.param(put("examples/.new", "x"), EVERYTHING, id="hidden file of the stack"),
        pytest.param(put("requirements.lock", "x"), EVERYTHING, id="lock"),
        pytest.param(
            lambda book: (book.root / "examples/check.sh").chmod(0o755), EVERYTHING, id="mode"
        ),
        pytest.param(put("examples/compose.yaml", STACK + "  db-3: {}\n"), EVERYTHING, id="stack"),
        pytest.param(edit("stack: [db-1]", "stack: [db-1, db-2]"), EVERYTHING, id="services"),
        pytest.param(edit("kill db-1", "stop db-1"), DRILL_STEPS | {"primary-lost"}, id="fault"),
        pytest.param(edit("rto: 15min", "rto: 14min"), DRILL_STEPS | {"primary-lost"}, id="rto"),
        pytest.param(
            edit("people: 10min", "people: 9min"), DRILL_STEPS | {"primary-lost"}, id="people"
        ),
        pytest.param(edit("rpo: 0s", "rpo: 1s"), DRILL_STEPS | {"primary-lost"}, id="rpo"),
        pytest.param(
            edit(":name: act\n:effect: write", ":name: act\n:effect: destructive"),
            {"act", "act-refused", "primary-lost"},
            id="effect",
        ),
        pytest.param(
            edit("irreversible: so it is", "irreversible: so it is\n:optional: it helps nothing"),
            {"act", "act-refused", "primary-lost"},
            id="optional",
        ),
    ],
)
def test_what_a_change_may_have_broken_is_stale(
    book: Book, change: Callable[[Book], object], stale: set[str]
) -> None:
    report = all_passed(book.plan())
    change(book)
    assert plans.load_current(book.root) is None
    found = states(book.plan(), report)
    assert {name for name, state in found.items() if state == "stale"} == stale
    assert {state for name, state in found.items() if name not in stale} <= {"verified"}


def test_words_around_the_blocks_make_nothing_stale(book: Book) -> None:
    report = all_passed(book.plan())
    edit("Some words", "Other\n\nwords")(book)
    assert set(states(book.plan(), report).values()) == {"verified"}


def test_a_step_that_is_taken_out_or_put_in_makes_stale_what_follows(book: Book) -> None:
    report = all_passed(book.plan())
    edit(block("$ echo seen\nseen", "name: seen", "effect: read"), "")(book)
    found = states(book.plan(), report)
    assert {name for name, state in found.items() if state == "stale"} == {
        "act",
        "act-refused",
        "primary-lost",
    }
    edit("## Lost", block("$ true", "name: new") + "\n## Lost")(book)
    found = states(book.plan(), report)
    assert (found["new"], found["included"], found["primary-lost"]) == (
        "not-run",
        "verified",
        "stale",
    )


def test_a_renamed_block_is_not_what_ran(book: Book) -> None:
    report = all_passed(book.plan())
    edit(":name: second", ":name: renamed")(book)
    assert states(book.plan(), report)["renamed"] == "not-run"


def test_a_block_under_another_host_is_not_what_ran(book: Book) -> None:
    report = all_passed(book.plan())
    edit(":name: second", ":name: second\n:on: db-1")(book)
    assert states(book.plan(), report)["second"] == "stale"


def test_half_a_drill_is_no_drill(book: Book) -> None:
    plan = book.plan()
    whole = all_passed(plan)
    first = [r for r in whole.results if r.scenario == "index#primary-lost"][:2]
    part = replace(whole, results=tuple(first), drills=())
    found = states(plan, part)
    assert (found["seen"], found["act"], found["primary-lost"]) == (
        "verified",
        "not-run",
        "not-run",
    )
    # A part that fails takes the earlier verdict on the whole with it.
    failed = replace(part, results=(first[0], replace(first[1], status="failed")))
    found = states(plan, reports.merge(whole, failed, plan=plan))
    assert (found["seen"], found["act"], found["primary-lost"]) == (
        "failed",
        "not-run",
        "not-run",
    )


def test_a_report_of_another_plan_verifies_nothing(book: Book) -> None:
    report = all_passed(book.plan())
    other = replace(report, results=tuple(replace(r, digest="") for r in report.results))
    assert "verified" not in {states(book.plan(), other)[name] for name in MAIN | DRILL_STEPS}


def test_a_change_behind_a_link_makes_the_plan_stale(book: Book, tmp_path: Path) -> None:
    for place in ("source/linked", "examples/linked"):
        target = tmp_path / "outside" / place
        target.mkdir(parents=True)
        (book.root / place).symlink_to(target)
    (tmp_path / "outside/examples/linked/back").symlink_to(tmp_path / "outside/examples")
    front = FRONT.replace("owner:", "orphan: true\nowner:")
    page = book.put("outside/source/linked/far.md", f"{front}# Far\n")
    tool = book.put("outside/examples/linked/tool", "echo 1\n")
    book.plan()
    assert plans.load_current(book.root) is not None
    page.write_text(page.read_text() + block("$ true"))
    assert plans.load_current(book.root) is None
    book.plan()
    assert plans.load_current(book.root) is not None
    tool.write_text("echo 2\n")
    assert plans.load_current(book.root) is None


@pytest.mark.parametrize("place", ["source/index.md", "examples/check.sh"])
def test_a_file_put_back_with_its_old_date_is_read_again(book: Book, place: str) -> None:
    file = book.root / place
    kept, dates = file.read_text(), file.stat()
    file.write_text(kept.replace("echo two", "echo other").replace("true", "false"))
    book.plan()
    file.write_text(kept)
    os.utime(file, ns=(dates.st_atime_ns, dates.st_mtime_ns))
    assert plans.load_current(book.root) is None
    texts = {name: snippet.text for name, snippet in snippets_of(book.plan()).items()}
    assert (texts["second"], texts["included"]) == ("$ echo two\ntwo\n", "true\n")


# Through the front


def test_only_what_is_unchanged_is_reused(tmp_path: Path, local_backend: LocalBackend) -> None:
    book = Front(tmp_path / "book")
    book.add("page", FINE)
    book.add("tool", block("$ bash /opt/tool\n1", "name: tool"), stack="box")
    box = "  box: {volumes: ['./tool:/opt/tool:ro']}\n"
    book.put("examples/compose.yaml", "services:\n  ops: {}\n" + box)
    book.put("examples/tool", "echo 1\n")
    book.page(
        block("$ bash /opt/tool\n1", "name: tool", "on: box"), "tool", FRONT.replace("db-1", "box")
    )
    first, second = book.run("-v"), book.run("-v")
    assert (first.returncode, first.stdout.count("PASSED (reused)")) == (0, 0)
    assert (second.returncode, second.stdout.count("PASSED (reused)")) == (0, 2)
    # What is not on the page counts as well: the tool that the page runs now says 2.
    book.put("examples/tool", "echo 2\n")
    assert ledger.counts(book.root, plans.build(book.root)) == "2 snippets: 2 stale; 0 drills"
    third = book.run("-v")
    assert (third.returncode, third.stdout.count("PASSED (reused)")) == (1, 0)
    assert book.results()["tool#tool"].status == "failed"
    # A failure is not forgotten, nor covered by what ran before.
    fourth = book.run("-v", "--page", "page")
    assert (fourth.returncode, fourth.stdout.count("PASSED (reused)")) == (0, 1)
    assert "2 snippets: 1 verified, 1 failed" in fourth.stdout
