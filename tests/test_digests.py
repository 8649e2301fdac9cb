"""Digests: whatever decides a result changes them, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from drillbook import digests
from drillbook.model import Drill, Options
from tests.sphinx_book import DRILL, FRONT, Book, block, scenario_of

SNIPPETS = [("console", "$ a\n", Options()), ("bash", "b\n", Options()), ("bash", "c\n", Options())]
DRILLED = Drill("lost", "kill db-1", 900, 600, 0, 12)


def test_a_digest_covers_the_snippet_and_all_before_it() -> None:
    before = digests.chain(["db-1"], None, SNIPPETS)
    assert len(set(before)) == 3
    changed = [SNIPPETS[0], ("bash", "b \n", Options()), SNIPPETS[2]]
    after = digests.chain(["db-1"], None, changed)
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, False]


@pytest.mark.parametrize(
    "changed",
    [
        ("bash", "$ a\n", Options()),
        ("console", "$ a\nout\n", Options()),
        ("console", "$ a\n", Options(on="db-1")),
        ("console", "$ a\n", Options(timeout_s=31.0)),
        ("console", "$ a\n", Options(optional="why")),
    ],
)
def test_language_text_and_every_option_count(changed: tuple[str, str, Options]) -> None:
    assert digests.chain([], None, [changed]) != digests.chain([], None, SNIPPETS[:1])


@pytest.mark.parametrize(
    "drill",
    [
        None,
        Drill("other", "kill db-1", 900, 600, 0, 12),
        Drill("lost", "kill db-2", 900, 600, 0, 12),
        Drill("lost", "kill db-1", 901, 600, 0, 12),
        Drill("lost", "kill db-1", 900, 601, 0, 12),
        Drill("lost", "kill db-1", 900, 600, 1, 12),
    ],
)
def test_fault_and_objectives_count(drill: Drill | None) -> None:
    assert digests.chain([], drill, SNIPPETS) != digests.chain([], DRILLED, SNIPPETS)


def test_the_place_of_a_drill_does_not_count() -> None:
    moved = Drill("lost", "kill db-1", 900, 600, 0, 99)
    assert digests.chain([], moved, SNIPPETS) == digests.chain([], DRILLED, SNIPPETS)


def test_the_services_count_in_any_order() -> None:
    assert digests.chain(["a"], None, SNIPPETS) != digests.chain(["a", "b"], None, SNIPPETS)
    assert digests.chain(["b", "a"], None, SNIPPETS) == digests.chain(["a", "b"], None, SNIPPETS)


DECIDING = (
    *("inside/", "sandboxes/", "drills/", "snippets/", "pages/", "runs/", "__init__.py"),
    *("clock.py", "consistency.py", "control.py", "digests.py", "durations.py", "errors.py"),
    *("evidence.py", "files.py", "model.py", "plan.py", "records.py", "report.py"),
    *("run.py", "seals.py", "verification.py"),
)
"""The other side of `digests.SHOWING`, which names some modules of `runs/`."""


def test_every_module_of_the_engine_stands_on_one_side() -> None:
    names = {path.removeprefix("drillbook/") for path in digests.engine_files()}
    unnamed = {name for name in names if not name.startswith((*DECIDING, *digests.SHOWING))}
    assert unnamed == set()
    both = {
        name for name in names if name.startswith(DECIDING) and name.startswith(digests.SHOWING)
    }
    assert both == {
        f"runs/{name}.py" for name in ("annotation", "junit", "live", "mutants", "schedule")
    }
    for side in (*DECIDING, *digests.SHOWING):
        assert any(name.startswith(side) for name in names), side


def test_the_engine_counts_but_not_what_only_shows() -> None:
    stack = {"examples/a": "1"}
    engine = digests.engine_files()
    before = digests.world(stack, engine)
    for path in engine:
        changed = digests.world(stack, {**engine, path: "x"}) != before
        assert changed != path.removeprefix("drillbook/").startswith(digests.SHOWING), path


def test_the_drills_of_the_stack_count(root: Path) -> None:
    files = digests.stack_files(root)
    for name in ("faults.py", "kit.py", "prober.py", "oracles/table.py"):
        assert f"examples/drills/smartbeak_drills/{name}" in files


def test_every_file_of_the_stack_counts(tmp_path: Path) -> None:
    book = Book(tmp_path)
    found = {digests.world(digests.stack_files(tmp_path), {})}
    book.put("examples/postgres/bin/start", "a")
    found.add(digests.world(digests.stack_files(tmp_path), {}))
    book.put("examples/postgres/bin/start", "b")
    found.add(digests.world(digests.stack_files(tmp_path), {}))
    (tmp_path / "examples/postgres/bin/start").rename(tmp_path / "examples/postgres/bin/other")
    found.add(digests.world(digests.stack_files(tmp_path), {}))
    assert len(found) == 4


def _link(folder: Path, to: str) -> None:
    (folder / "tool").unlink()
    (folder / "tool").symlink_to(to)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "tool").chmod(0o644),
        lambda folder: (folder / "tool").chmod(0o750),
        lambda folder: (folder / "tool").chmod(0o000),
        lambda folder: (folder / "tool").chmod(0o4755),
        lambda folder: (folder / "folder").chmod(0o700),
        lambda folder: (folder / ".npmrc").write_text("b"),
        lambda folder: (folder / ".hidden").write_text(""),
        lambda folder: (folder / ".hidden").mkdir(),
        lambda folder: (folder / "folder/.hidden/deep").write_text("b"),
        lambda folder: (folder / "module.pyc").write_text("b"),
        lambda folder: (folder / "folder/new.pyc").write_text(""),
        lambda folder: (folder / "empty").mkdir(),
        lambda folder: (folder / "other").symlink_to("tool"),
        # The same content, but inside a sandbox there is nothing at its other end.
        lambda folder: _link(folder, "../outside"),
        lambda folder: _link(folder, str(folder / "copy")),
        lambda folder: _link(folder, "copy"),
        lambda folder: _link(folder, "nowhere"),
        lambda folder: ((folder / "dead").unlink(), (folder / "dead").symlink_to("elsewhere")),
        lambda folder: (folder / "dead").unlink(),
        lambda folder: (folder / "../requirements.lock").write_text("b"),
        lambda folder: (folder / "../requirements.lock").unlink(),
    ],
)
def test_all_that_a_page_can_see_counts(tmp_path: Path, change: Callable[[Path], object]) -> None:
    folder = tmp_path / "examples"
    (folder / "folder/.hidden").mkdir(parents=True)
    for name in ("tool", "copy", "../outside", "folder/.hidden/deep"):
        (folder / name).write_text("a")
        (folder / name).chmod(0o755)
    for name in (".npmrc", "module.pyc", "../requirements.lock"):
        (folder / name).write_text("a")
    (folder / "dead").symlink_to("nowhere")
    before = digests.world(digests.stack_files(tmp_path), {})
    assert digests.world(digests.stack_files(tmp_path), {}) == before
    change(folder)
    assert digests.world(digests.stack_files(tmp_path), {}) != before


def test_what_programs_keep_for_themselves_does_not_count(tmp_path: Path) -> None:
    book = Book(tmp_path)
    tool = book.put("examples/tool", "a")
    tool.chmod(0o644)
    before = digests.stack_files(tmp_path)
    book.put("examples/__pycache__/x.pyc", "a")
    book.put("examples/.mypy_cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55")
    book.put("examples/.mypy_cache/3.11/x.json", "a")
    tool.chmod(0o664)  # another umask
    assert digests.stack_files(tmp_path) == before


PAGE = "\n".join(
    [
        block("$ true", "name: context"),
        block("$ true", "name: other"),
        "## Lost\n",
        DRILL.replace(":rpo: 0s\n", ":rpo: 0s\n:uses: context\n"),
        block("$ true", "name: look", "effect: read"),
        block("$ true", "name: look-again", "effect: read"),
    ]
)


def _replace(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        (_replace("$ true", "$ true #"), {"context", "other", "drill"}),
        (_replace(":name: other\n\n$ true", ":name: other\n\n$ true #"), {"other"}),
        (_replace("name: look\n", "name: look\n:timeout: 2s\n"), {"drill"}),
        (_replace("15min", "16min"), {"drill"}),
        (_replace("kill db-1", "pause db-1"), {"drill"}),
        (_replace("stack: [db-1]", "stack: [db-2]"), {"context", "other", "drill"}),
        (_replace("owner: docs", "owner: us"), set()),
        (_replace("# Title\n", "# Title\n\nSome more text.\n"), set()),
    ],
)
def test_a_change_of_the_page_makes_stale_what_depends_on_it(
    tmp_path: Path, change: Callable[[str], str], stale: set[str]
) -> None:
    book = Book(tmp_path)
    page = book.page(PAGE, front=FRONT)
    before = _digests(book)
    page.write_text(change(page.read_text("utf-8")), "utf-8")
    after = _digests(book)
    assert {name for name in before if before[name] != after[name]} == stale


def _digests(book: Book) -> dict[str, str]:
    found = book.plan()
    main = scenario_of(found, "index#page").snippets
    drill = scenario_of(found, "index#primary-lost").snippets
    return {snippet.name: snippet.digest for snippet in main} | {"drill": drill[-1].digest}


def test_a_snippet_run_in_two_scenarios_has_two_digests(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.page(PAGE)
    found = book.plan()
    first = scenario_of(found, "index#page").snippets[0]
    again = scenario_of(found, "index#primary-lost").snippets[0]
    assert (first.id, first.text) == (again.id, again.text)
    assert first.digest != again.digest


def test_a_change_of_the_stack_reaches_every_digest(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.page(PAGE)
    before = _digests(book)
    book.put("examples/new", "")
    after = _digests(book)
    assert not set(before.values()) & set(after.values())
