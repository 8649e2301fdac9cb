"""How a page's blocks become scenarios, and what they must say in a drill."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sphinx_book import DRILL, Book, block, in_days, scenario_of

READ = ("effect: read",)
TABS = """\
````{tab-set}
```{tab-item} One
~~~bash
echo one
~~~
```
```{tab-item} Two
~~~bash
echo two
~~~
```
````

"""


def names(book: Book, id_: str) -> list[str]:
    found = scenario_of(book.plan(), id_)
    return [snippet.name for snippet in found.snippets]


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path)


def drill_page(book: Book, *blocks: str, drill: str = DRILL, before: str = "") -> None:
    book.page(f"{before}## Primary lost\n\n{drill}\n" + "\n".join(blocks))


def test_a_drill_runs_what_it_uses_and_its_section(book: Book) -> None:
    before = block("$ true", "name: unused") + "\n" + block("$ true", "name: context") + "\n"
    inside = block("$ true", "name: look", "effect: read")
    deeper = "### Deeper\n\n" + block("$ true", "name: act", "effect: write", "undo: look")
    after = "\n## After\n\n" + block("$ true", "name: after")
    drill = DRILL.replace(":rpo: 0s\n", ":rpo: 0s\n:uses: context\n")
    drill_page(book, inside, deeper, after, drill=drill, before=before)
    found = scenario_of(book.plan(), "index#primary-lost")
    assert [snippet.name for snippet in found.snippets] == ["context", "look", "act"]
    assert (found.kind, found.title, found.prefix) == ("drill", "Primary lost", 1)
    assert found.drill is not None
    assert (found.drill.name, found.drill.fault) == ("primary-lost", "kill db-1")
    assert (found.drill.rto_s, found.drill.people_s, found.drill.rpo_s) == (900, 600, 0)
    lines = (book.root / "source/index.md").read_text("utf-8").splitlines()
    assert lines[found.drill.line - 1] == "```{drill} primary-lost"
    assert names(book, "index#page") == ["unused", "context", "after"]


def test_a_page_of_drills_has_no_scenario_of_its_own(book: Book) -> None:
    drill_page(book, block("$ true", "name: look", *READ))
    (page,) = book.plan().pages
    assert [scenario.id for scenario in page.scenarios] == ["index#primary-lost"]


def test_each_alternative_starts_from_what_stands_before_the_tabs(book: Book) -> None:
    first = block("$ true", "name: first") + "\n"
    book.page(first + TABS + block("$ true", "name: last"))
    found = book.plan()
    assert names(book, "index#page") == ["first", "last"]
    one, two = (scenario_of(found, f"index#{name}") for name in ("one", "two"))
    assert [snippet.text for snippet in one.snippets] == ["$ true\n", "echo one\n"]
    assert [snippet.text for snippet in two.snippets] == ["$ true\n", "echo two\n"]
    assert (one.kind, one.title, one.prefix) == ("tab", "One", 1)


def test_tabs_of_one_label_are_scenarios_of_their_own(book: Book) -> None:
    book.page(TABS + TABS)
    (page,) = book.plan().pages
    assert [scenario.id for scenario in page.scenarios] == [
        "index#one",
        "index#two",
        "index#one-2",
        "index#two-2",
    ]


def test_tabs_inside_tabs_start_from_the_outer_one(book: Book) -> None:
    outer = "``````{tab-set}\n`````{tab-item} Outer\n"
    inside = block("$ true", "name: outer").replace("```", "~~~")
    book.page(f"{outer}{inside}\n{TABS}`````\n``````\n")
    found = scenario_of(book.plan(), "index#outer-one")
    assert ([snippet.name for snippet in found.snippets], found.prefix) == (
        ["outer", "title-2"],
        1,
    )
    assert found.title == "Outer / One"


def test_tabs_in_a_drill_keep_its_fault(book: Book) -> None:
    tabs = TABS.replace("~~~bash\n", "~~~{code-block} bash\n:name: NAME\n:effect: read\n\n")
    tabs = tabs.replace("NAME", "one-step", 1).replace("NAME", "two-step", 1)
    drill_page(book, block("$ true", "name: look", *READ), tabs)
    found = scenario_of(book.plan(), "index#primary-lost-one")
    assert found.kind == "tab"
    assert found.drill is not None
    assert [snippet.name for snippet in found.snippets] == ["look", "one-step"]


def test_a_refusal_runs_the_same_commands_with_another_output(book: Book) -> None:
    act = block("$ ./promote\ndone", "name: act", "effect: write", "irreversible: yes")
    refused = block("$ ./promote\nrefused", "name: refused", "refusal-of: act", "exit-code: 1")
    drill_page(book, act, refused)
    assert names(book, "index#primary-lost") == ["act", "refused"]


def errors(book: Book, *blocks: str, drill: str = DRILL, before: str = "") -> list[str]:
    drill_page(book, *blocks, drill=drill, before=before)
    book.build()
    return [str(error).partition("\n")[0] for error in book.errors]


LOOK = block("$ true", "name: look", *READ)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        (
            [block("$ true", *READ)],
            "source/index.md:21: name-required: Each snippet of the drill `primary-lost` has a "
            "name.",
        ),
        (
            [block("$ true", "name: a")],
            "source/index.md:21: effect-required: Each snippet of the drill `primary-lost` says "
            "what it does to the stack.",
        ),
        (
            [block("$ true", "name: a", "effect: write")],
            "source/index.md:20: undo-required: The snippet's effect is write, and nothing says "
            "how to take it back.",
        ),
        (
            [block("$ true", "name: a", "effect: write", "undo: b")],
            "source/index.md:21: unknown-snippet: `undo` names `b`, which is no other snippet of "
            "this page.",
        ),
        (
            [block("$ true", "name: a", "effect: write", "undo: a")],
            "source/index.md:21: unknown-snippet: `undo` names `a`, which is no other snippet of "
            "this page.",
        ),
        (
            [LOOK, block("$ true ", "name: b", "refusal-of: look")],
            "source/index.md:29: refusal-differs: The commands are not those of `look`, so its "
            "guard is not what is tried.",
        ),
        (
            [LOOK, block("$ true", "name: b", "refusal-of: look", "on: db-1")],
            "source/index.md:30: refusal-differs: The commands are not those of `look`, so its "
            "guard is not what is tried.",
        ),
        (
            [LOOK, block("$ true", "name: b", "refusal-of: look", "effect: write")],
            "source/index.md:28: bad-option: A refusal changes nothing, so its effect is read.",
        ),
        (
            [LOOK, LOOK],
            "source/index.md:26: duplicate-name: The name `look` is already taken at "
            "source/index.md:19.",
        ),
        (
            [block("$ true", "name: primary-lost", *READ)],
            "source/index.md:19: duplicate-name: The name `primary-lost` is already taken at "
            "source/index.md:11.",
        ),
        (
            [block("$ true", "name: page", *READ)],
            "source/index.md:19: bad-name: `page` is the name of the page's main scenario.",
        ),
        (
            ["text\n"],
            "source/index.md:11: empty-drill: The drill `primary-lost` has no snippets.",
        ),
        (
            ["### Deeper\n", DRILL.replace("primary-lost", "other"), LOOK],
            "source/index.md:20: nested-drill: The drill stands inside the drill `primary-lost`.",
        ),
        (
            ["text\n", DRILL.replace("primary-lost", "other"), LOOK],
            "source/index.md:20: stray-drill: A drill stands directly under the heading of its "
            "section.",
        ),
    ],
)
def test_what_a_drill_refuses(book: Book, blocks: list[str], message: str) -> None:
    assert message in errors(book, *blocks)


def test_a_drill_uses_only_what_stands_outside(book: Book) -> None:
    drill = DRILL.replace(":rpo: 0s\n", ":rpo: 0s\n:uses: look, gone\n")
    assert errors(book, LOOK, drill=drill) == [
        "source/index.md:11: unknown-snippet: The drill uses `look`, which stands in a drill or "
        "tab.",
        "source/index.md:11: unknown-snippet: The drill uses `gone`, which is no snippet of this "
        "page.",
    ]


def test_an_unknown_fault_stands_at_its_line(book: Book) -> None:
    (error,) = errors(book, LOOK, drill=DRILL.replace("kill db-1", "explode db-1"))
    assert error.startswith("source/index.md:12: unknown-fault: ")


def test_a_fault_on_a_host_that_is_not_there(book: Book) -> None:
    (error,) = errors(book, LOOK, drill=DRILL.replace("kill db-1", "kill db-9"))
    assert error == "source/index.md:12: unknown-host: There is no host `db-9`."


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["skip: no server"], "skip-without-until"),
        (["skip:", f"until: {in_days(3)}"], "skip-without-reason"),
        ([f"until: {in_days(3)}"], "skip-without-reason"),
        (["skip: no server", f"until: {in_days(-1)}"], "skip-expired"),
        (["skip: no server", f"until: {in_days(99)}"], "skip-too-long"),
    ],
)
def test_a_skip_says_why_and_ends(book: Book, options: list[str], code: str) -> None:
    book.page(block("$ true", *options))
    assert [found for found, _ in book.codes()] == [code]


@pytest.mark.parametrize("days", [0, 90])
def test_a_skip_may_last_until_today_or_ninety_days(book: Book, days: int) -> None:
    book.page(block("$ true", "skip: no server", f"until: {in_days(days)}"))
    (snippet,) = scenario_of(book.plan(), "index#page").snippets
    assert (snippet.options.skip, snippet.options.until) == ("no server", in_days(days))
