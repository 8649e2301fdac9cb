"""Whatever a page shows is run or refused: nothing is lost, hidden or miscounted in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from drillbook import plan
from drillbook.errors import PageError
from tests.sphinx_book import FRONT, Book, block, page_of, snippets_of

MORE = 'myst_enable_extensions = ["attrs_block", "colon_fence", "deflist", "substitution"]\n'


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """A small book whose pages begin on line 9; all pages are in its table of contents."""
    made = Book(tmp_path)
    made.put("conf.py", (tmp_path / "conf.py").read_text() + MORE)
    made.put("source/home.md", "# Book\n\n```{toctree}\n:glob:\n\n*\n```\n")
    made.put("conf.py", (tmp_path / "conf.py").read_text() + 'root_doc = "home"\n')
    return made


RUN = block("$ echo ok\nok")

# What Sphinx warns about


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        ("````{warnning}\nDo this first:\n````\n", 9, "Unknown directive type: 'warnning'"),
        ("And {unknownrole}`this`.\n", 9, "Unknown interpreted text role"),
        ("And {{ undefined_name }}.\n", 9, "'undefined_name' is undefined"),
        ("```{include} nothing.md\n```\n", 9, "nothing.md"),
        ("```{literalinclude} nothing.sh\n:language: bash\n```\n", 9, "nothing.sh"),
        ("```{code-block}\n:linenos:\n:emphasize-lines: x\n\na\n```\n", 9, ""),
        ("```{eval-rst}\n.. nonsense:: x\n```\n", 10, "nonsense"),
        ("```{eval-rst}\n:nonsense:`x`\n```\n", 10, "nonsense"),
        ("```{eval-rst}\nAn |undefined| one.\n```\n", 10, "undefined"),
        ("```{toctree}\nnowhere\n```\n", 9, "nowhere"),
        ("```{image}\n```\n", 9, ""),
        ("Text.\n\n#### Too deep\n", 11, "Non-consecutive header level"),
        ("A note[^1].\n", 9, ""),
        ("```{tab-set}\nNo tab.\n```\n", 10, "tab-item"),
        ("```{figure} nowhere.png\n```\n", 9, "nowhere.png"),
    ],
)
def test_a_warning_while_reading_fails_the_plan(
    book: Book, body: str, line: int, said: str
) -> None:
    book.page(f"{body}\n{RUN}", "page")
    assert book.build() == 1
    (error,) = [one for one in book.errors if one.code == "sphinx-warning"]
    assert said.lower() in error.message.lower()
    assert error.where is not None
    assert (error.where.path, error.where.line) == ("source/page.md", line)
    assert not (book.root / plan.FILE).exists()


def test_a_warning_is_told_whole(book: Book) -> None:
    book.page("{unknownrole}`this`\n", "page")
    book.build()
    assert [str(error) for error in book.errors] == [
        'source/page.md:9: sphinx-warning: Unknown interpreted text role "unknownrole".\n'
        "  hint: Mend it: what Sphinx does not understand is left out of the page."
    ]


def test_a_page_without_blocks_is_held_to_the_same(book: Book) -> None:
    book.put("source/page.md", "# Title\n\n{unknownrole}`this`\n")
    assert book.codes() == [("sphinx-warning", 3)]


def test_a_warning_stays_until_it_is_mended(book: Book) -> None:
    book.page("```{warnning}\nx\n```\n", "page")
    assert book.codes() == [("sphinx-warning", 9)]
    book.page(RUN, "other")
    assert book.codes() == [("sphinx-warning", 9)], "read again, though it has not changed"
    book.build("html")
    assert "Unknown directive type: 'warnning'" in book.warnings
    book.page("```{warning}\nx\n```\n", "page")
    assert book.build() == 0, book.warnings


def test_a_warning_whose_cause_stands_elsewhere(book: Book) -> None:
    named = RUN.replace("console\n", "console\n:name: context\n:caption: Context\n", 1)
    book.page(named, "one")
    book.page(named, "two")
    (found,) = [(e.code, str(e.where)) for e in _errors(book)]
    assert found[0] == "sphinx-warning"
    (error,) = book.errors
    assert error.message.startswith("duplicate label context, other instance in ")
    book.page(RUN, "one")
    assert book.build() == 0, book.warnings


def test_a_warning_in_an_included_file(book: Book) -> None:
    book.put("source/fragments/part.md", "Text.\n\n{unknownrole}`this`\n")
    book.page("```{include} fragments/part.md\n```\n", "page")
    # MyST names the page that includes; the line is that of the included file.
    assert [(e.code, str(e.where)) for e in _errors(book)] == [
        ("sphinx-warning", "source/page.md:3")
    ]


def test_two_reading_processes_hear_the_same(book: Book) -> None:
    for number in range(12):
        book.page("{unknownrole}`this`\n", f"page-{number}")
    book.build(parallel=2)
    found = {(error.code, str(error.where)) for error in book.errors}
    assert found == {("sphinx-warning", f"source/page-{n}.md:9") for n in range(12)}


def _errors(book: Book) -> list[PageError]:
    book.build()
    return book.errors


# What is shown and would not be run


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (
            "<details>\n<summary>By hand</summary>\n```bash\nfalse\n```\n</details>\n",
            11,
        ),
        ("<details>\n~~~\n$ false\n~~~\n</details>\n", 10),
        ("<div>\n:::{code-block} bash\nfalse\n:::\n</div>\n", 10),
        ('<pre><code class="language-bash">\n$ systemctl restart x\n</code></pre>\n', 9),
        ("<pre>\nsystemctl restart x\n</pre>\n", 9),
        ("<div>\n<PRE>rm x</PRE>\n</div>\n", 10),
        ("Text and <pre>rm x</pre> more.\n", 9),
        ("<code>\nrm x\n</code>\n", 9),
        ("<samp>rm x</samp>\n", 9),
        ("<textarea>rm x</textarea>\n", 9),
        ('<p class="highlight">rm x</p>\n', 9),
        ('<div style="white-space: pre">rm x</div>\n', 9),
        ("<p>\n$ rm x\n</p>\n", 10),
        ("<p>\n<b>$ rm x</b>\n</p>\n", 10),
        ("<table>\n<tr><td>a</td></tr>\n<tr><td>\n# rm x\n</td></tr>\n</table>\n", 12),
        ("```{raw} html\n<pre>rm x</pre>\n```\n", 9),
        ("```{eval-rst}\n.. raw:: html\n\n   <pre>rm x</pre>\n```\n", 10),
        ("```{include} fix.sh\n:code: bash\n```\n", 9),
        ("```{include} fix.sh\n:code: sh\n```\n", 9),
        ("```{include} fix.sh\n:code: console\n```\n", 9),
        ("```{include} fix.sh\n:code: python\n:number-lines: 1\n```\n", 9),
        ("```{include} fix.sh\n:literal:\n```\n", 9),
        ("```{literalinclude} fix.sh\n```\n", 9),
        ("```{eval-rst}\n.. include:: fix.sh\n   :code: bash\n```\n", 10),
        ("```{eval-rst}\n.. include:: fix.sh\n   :literal:\n```\n", 10),
        # What eval-rst makes of it stands one line too low.
        ("```{eval-rst}\n.. highlight:: bash\n\n::\n\n   rm x\n```\n", 11),
        ("```{highlight} console\n```\n", 9),
        ("```\n#!/bin/sh\nrm x\n```\n", 10),
        ("```{parsed-literal}\n$ rm x\n```\n", 10),
    ],
)
def test_code_that_would_not_be_run_is_refused(book: Book, body: str, line: int) -> None:
    book.put("source/fix.sh", "systemctl restart x\nexit 1\n")
    book.page(f"{body}\n{RUN}", "page")
    found = _errors(book)
    assert {error.code for error in found} == {"hidden-executable"}
    assert {str(error.where).rpartition("/")[2] for error in found} <= {
        f"page.md:{line}",
        "fix.sh:1",
    }


@pytest.mark.parametrize(
    "body",
    [
        "<details>\n<summary>By hand</summary>\n\n```bash\ntrue\n```\n\n</details>\n",
        "<!--\n```bash\nfalse\n```\n<pre>\n-->\n",
        "Press <kbd>Ctrl</kbd> and <b>run</b> <code>ls</code>.\n",
        '<a id="top"></a>\n',
        "<p>It costs $ 5.</p>\n",
        "<br>\n",
        "```{literalinclude} fix.sh\n:language: bash\n```\n",
        "```{literalinclude} data.yaml\n```\n",
    ],
)
def test_html_and_files_that_hide_nothing(book: Book, body: str) -> None:
    book.put("source/fix.sh", "true\n")
    book.put("source/data.yaml", "a: 1\n")
    book.page(f"{body}\n{RUN}", "page")
    assert book.build() == 0, book.warnings


# How a page is stored


def test_a_byte_order_mark_is_no_part_of_the_page(book: Book) -> None:
    file = book.page(block("$ echo hi\nhi", "name: hi"), "page")
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert snippets_of(book.plan())["hi"].line == 12
    assert page_of(book.plan(), "page").owner == "docs"


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_line_ends_of_other_systems(book: Book, ending: str) -> None:
    file = book.page(block("$ echo hi\nhi", "name: hi"), "page")
    file.write_bytes(file.read_bytes().replace(b"\n", ending.encode()))
    assert snippets_of(book.plan())["hi"].line == 12


def test_a_page_that_is_not_utf_8(book: Book) -> None:
    book.page(RUN, "good")
    file = book.page(RUN, "page")
    file.write_bytes(file.read_bytes().replace(b"# Title", b"# Caf\xe9"))
    with pytest.raises(plan.InvalidPages) as caught:
        plan.build(book.root)
    assert str(caught.value) == (
        "source/page.md:7: undecodable: The page is not UTF-8: byte 0xe9 is no character.\n"
        "  hint: Save it as UTF-8."
    )


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1e"])
def test_lines_are_counted_as_editors_count_them(book: Book, separator: str) -> None:
    text = f"First{separator}second{separator}third.\n\n"
    book.page(text + block("$ echo hi\nhi", "name: hi") + "\n```bash\necho a\n```\n", "page")
    found = snippets_of(book.plan())
    assert (found["hi"].line, found["title-2"].line) == (14, 19)
    book.page(text + "```bash\na || true\n```\n", "page")
    assert book.codes() == [("hidden-failure", 12)]


def test_a_separator_inside_a_block_is_refused(book: Book) -> None:
    book.page("```bash\necho a\u2028b\necho c\n```\n", "page")
    assert [code for code, _ in book.codes()] in (
        ["invisible-character"],
        ["text-not-in-source"],
    )


# Tabs that go together

TABS = """\
`````{tab-set}
:sync-group: way
````{tab-item} With a file
:sync: file
FILE
````
````{tab-item} With a variable
:sync: variable
VARIABLE
````
`````

"""


def _tabs(first: str, second: str) -> str:
    tabs = TABS.replace("FILE", block("$ true", f"name: {first}"))
    return tabs.replace("VARIABLE", block("$ true", f"name: {second}"))


def _scenarios(book: Book) -> dict[str, tuple[list[str], int]]:
    return {
        scenario.id: ([snippet.name for snippet in scenario.snippets], scenario.prefix)
        for scenario in page_of(book.plan(), "page").scenarios
    }


def test_tabs_with_one_sync_are_one_way_through_the_page(book: Book) -> None:
    book.page(
        block("$ true", "name: before")
        + _tabs("file-1", "variable-1")
        + block("$ true", "name: between")
        + _tabs("file-2", "variable-2")
        + block("$ true", "name: after"),
        "page",
    )
    assert _scenarios(book) == {
        "page#page": (["before", "between", "after"], 0),
        "page#with-a-file": (["before", "file-1", "between", "file-2"], 1),
        "page#with-a-variable": (["before", "variable-1", "between", "variable-2"], 1),
    }


def test_tabs_of_different_groups_are_not(book: Book) -> None:
    other = _tabs("c", "d").replace("sync-group: way", "sync-group: other")
    book.page(_tabs("a", "b") + other, "page")
    assert [names for names, _ in _scenarios(book).values()] == [["a"], ["b"], ["c"], ["d"]]


def test_tabs_without_sync_are_not(book: Book) -> None:
    text = _tabs("a", "b") + _tabs("c", "d")
    book.page(text.replace(":sync: file\n", "").replace(":sync: variable\n", ""), "page")
    assert [names for names, _ in _scenarios(book).values()] == [["a"], ["b"], ["c"], ["d"]]


def test_tabs_made_of_code_blocks_go_together_by_language(book: Book) -> None:
    fences = "```console\n$ true\n```\n\n```bash\ntrue\n```\n"
    book.page((f"````{{tab-set-code}}\n{fences}````\n\n") * 2, "page")
    assert [len(names) for names, _ in _scenarios(book).values()] == [2, 2]


def test_a_way_that_only_one_set_has(book: Book) -> None:
    first = _tabs("a", "b")
    second = (
        _tabs("c", "d")
        .replace(":sync: variable", ":sync: third")
        .replace("With a variable", "With a third")
    )
    book.page(first + second, "page")
    assert [names for names, _ in _scenarios(book).values()] == [["a", "c"], ["b"], ["d"]]


def test_front_matter_is_needed_by_the_pages_of_this_test(book: Book) -> None:
    # The pages above are right but for what each is about.
    book.page(RUN, "page", FRONT)
    assert book.build() == 0, book.warnings
