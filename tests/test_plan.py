"""The plan file: what it holds, when it is current, and what is said when it is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from drillbook import plan
from drillbook.errors import HarnessError
from drillbook.model import Drill, Options, Page, Plan, Scenario, Snippet
from tests.sphinx_book import FRONT, Book, block, in_days

BODY = block("$ cat x\nliteral\n...\n$ true", "name: look", "on: db-1", "timeout: 5s")


@pytest.fixture
def book(tmp_path: Path) -> Book:
    book = Book(tmp_path)
    book.page(BODY)
    book.put("source/other.md", "---\norphan: true\n---\n# Other\n\nNo snippets.\n")
    return book


def some_plan() -> Plan:
    options = Options(on="db-1", skip="no server", until="2027-01-31", effect="read")
    look = Snippet(
        "a#look", "look", "console", "source/a.md", 9, "$ cat\n...\né\n", options, "12ab"
    )
    fixes = Options(needs_fix=("22", "30"))
    script = Snippet("a#act", "act", "bash", "source/b.md", 3, "true\n", fixes, "34cd")
    drill = Drill("lost", "kill db-1", 900.0, 600.0, 0.5, 20)
    scenarios = (
        Scenario("a#page", "page", "A page", (look, script)),
        Scenario(
            "a#lost", "drill", "Lost", (look, script), prefix=1, drill=drill, services=("db-1", "x")
        ),
    )
    page = Page("a", "source/a.md", "me", "weekly", "2026-11-01", ("db-1",), scenarios)
    return Plan(plan.VERSION, {"source/a.md": "ff"}, (page,))


def test_a_plan_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    plan.write(some_plan(), tmp_path / "new" / "plan.json")
    assert plan.read(tmp_path / "new" / "plan.json") == some_plan()
    assert os.listdir(tmp_path / "new") == ["plan.json"]


def test_the_file_keeps_its_public_contract(tmp_path: Path) -> None:
    plan.write(some_plan(), tmp_path / "plan.json")
    found = json.loads((tmp_path / "plan.json").read_text("utf-8"))
    assert found["version"] == 1
    assert found["inputs"] == {"source/a.md": "ff"}
    (page,) = found["pages"]
    assert {name: page[name] for name in page if name != "scenarios"} == {
        "docname": "a",
        "path": "source/a.md",
        "owner": "me",
        "review_cycle": "weekly",
        "last_reviewed": "2026-11-01",
        "stack": ["db-1"],
    }
    drill = page["scenarios"][1]
    assert {name: drill[name] for name in drill if name != "snippets"} == {
        "id": "a#lost",
        "kind": "drill",
        "title": "Lost",
        "drill": "lost",
        "fault": "kill db-1",
        "rto_s": 900.0,
        "people_s": 600.0,
        "rpo": 0.5,
        "services": ["db-1", "x"],
        "line": 20,
        "prefix": 1,
    }
    assert drill["snippets"][0] == {
        "id": "a#look",
        "name": "look",
        "language": "console",
        "on": "db-1",
        "path": "source/a.md",
        "line": 9,
        "text": "$ cat\n...\né\n",
        "expected": [["...", "é"]],
        "options": {"on": "db-1", "skip": "no server", "until": "2027-01-31", "effect": "read"},
        "digest": "12ab",
    }


@pytest.mark.parametrize("content", ["", "{", '{"version": 1}', '{"version": 0}', "[]", "null"])
def test_what_is_no_plan_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "plan.json").write_text(content)
    with pytest.raises(HarnessError) as caught:
        plan.read(tmp_path / "plan.json")
    assert caught.value.code == "unreadable-plan"
    assert str(caught.value).endswith("hint: Make it anew: drillbook plan")


def test_a_truncated_plan_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    plan.write(some_plan(), path)
    whole = path.read_bytes()
    for size in range(0, len(whole) - 3, 97):
        path.write_bytes(whole[:size])
        with pytest.raises(HarnessError):
            plan.read(path)


def test_an_unchanged_plan_is_current(book: Book) -> None:
    made = book.plan()
    assert plan.load_current(book.root) == made
    assert "source/index.md" in made.inputs
    assert "examples/compose.yaml" in made.inputs
    assert "drillbook/pages/extract.py" in made.inputs


def _append(path: str) -> Callable[[Book], object]:
    def change(book: Book) -> None:
        target = book.root / path
        target.write_text(target.read_text("utf-8") + "\n", "utf-8")

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_append("source/index.md"), id="page"),
        pytest.param(_append("source/other.md"), id="page without snippets"),
        pytest.param(_append("source/fragments/x.sh"), id="included file"),
        pytest.param(_append("conf.py"), id="configuration"),
        pytest.param(_append("examples/compose.yaml"), id="stack"),
        pytest.param(lambda book: book.put("examples/new/file", ""), id="new stack file"),
        pytest.param(lambda book: book.put("source/new.md", "# New\n"), id="new page"),
        pytest.param(lambda book: (book.root / "source/other.md").unlink(), id="page gone"),
        pytest.param(
            lambda book: (book.root / "source/fragments/x.sh").unlink(), id="include gone"
        ),
        pytest.param(lambda book: (book.root / plan.FILE).unlink(), id="plan gone"),
        pytest.param(lambda book: (book.root / plan.FILE).write_text("{"), id="plan truncated"),
    ],
)
def test_any_change_makes_the_plan_stale(book: Book, change: Callable[[Book], object]) -> None:
    book.put("source/fragments/x.sh", "echo 1\n")
    include = "```{literalinclude} fragments/x.sh\n:language: bash\n```\n"
    book.page(BODY + "\n" + include)
    book.plan()
    assert plan.load_current(book.root) is not None
    change(book)
    assert plan.load_current(book.root) is None


def test_a_change_of_the_engine_makes_the_plan_stale(book: Book) -> None:
    made = book.plan()
    for name in ("drillbook/site/marks.py", "drillbook/inside/shell.py"):
        stale = replace(made, inputs=dict(made.inputs) | {name: "other"})
        plan.write(stale, book.root / plan.FILE)
        assert plan.load_current(book.root) is None


def test_a_plan_is_stale_once_a_skip_has_run_out(book: Book) -> None:
    book.page(block("$ true", "skip: no server", f"until: {in_days(0)}"))
    book.plan()
    assert plan.load_current(book.root) is not None
    path = book.root / plan.FILE
    path.write_text(path.read_text("utf-8").replace(in_days(0), in_days(-1)), "utf-8")
    assert plan.load_current(book.root) is None


def test_build_makes_the_plan_and_leaves_a_current_one_alone(book: Book) -> None:
    made = plan.build(book.root)
    assert [page.docname for page in made.pages] == ["index"]
    before = (book.root / plan.FILE).stat().st_ino
    assert plan.build(book.root) == made
    assert (book.root / plan.FILE).stat().st_ino == before
    book.page(BODY.replace("true", "false"))
    assert "false" in plan.build(book.root).pages[0].scenarios[0].snippets[0].text


def test_build_says_everything_that_is_wrong(book: Book) -> None:
    book.page("```sh\nls\n```\n\n" + block("$ true", "hots: db-1"))
    book.page(block("$ true", "on: db-9"), name="next", front="---\norphan: true\n---\n" + FRONT)
    with pytest.raises(plan.InvalidPages) as caught:
        plan.build(book.root)
    assert caught.value.code == "invalid-pages"
    codes = [(error.code, str(error.where)) for error in caught.value.errors]
    assert codes[:2] == [
        ("hidden-executable", "source/index.md:10"),
        ("unknown-option", "source/index.md:14"),
    ]
    assert "unknown-host" in dict(codes)
    assert str(caught.value) == "\n".join(str(error) for error in caught.value.errors)
    assert plan.load_current(book.root) is None


def test_build_says_what_sphinx_says_when_sphinx_fails(book: Book) -> None:
    book.put("conf.py", "raise RuntimeError('broken on purpose')\n")
    with pytest.raises(HarnessError) as caught:
        plan.build(book.root)
    assert caught.value.code == "plan-failed"
    assert "broken on purpose" in caught.value.message


def test_two_builds_at_the_same_time_work(book: Book) -> None:
    code = (
        "import sys; from pathlib import Path; from drillbook import plan;"
        "print(len(plan.build(Path(sys.argv[1])).pages))"
    )
    command = [sys.executable, "-c", code, str(book.root)]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [(run.communicate()[0], run.returncode) for run in runs] == [("1\n", 0), ("1\n", 0)]


def test_reading_a_plan_starts_no_sphinx(book: Book) -> None:
    book.plan()
    code = (
        "import sys; from pathlib import Path; from drillbook import plan;"
        "plan.load_current(Path(sys.argv[1])) or sys.exit('stale');"
        "sys.exit(', '.join({'sphinx', 'docutils', 'myst_parser', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(book.root)], capture_output=True, text=True
    )
    assert done.stderr.strip() == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LANG", "xx_XX.UTF-8"),
        ("LC_ALL", "xx_XX"),
        ("LC_MESSAGES", "de_DE@nowhere"),
        ("LANGUAGE", "de"),
        ("TZ", "No/Where"),
        ("PYTHONWARNINGS", "error"),
        ("PYTHONOPTIMIZE", "2"),
        ("SPHINXOPTS", "-b html"),
    ],
)
def test_the_callers_environment_decides_nothing_of_a_plan(
    book: Book, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    here = plan.build(book.root)
    (book.root / plan.FILE).unlink()
    monkeypatch.setenv(name, value)
    assert plan.build(book.root) == here
