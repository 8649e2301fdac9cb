"""What of a page is run: every executable block in every shape, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sphinx_book import Book, block, snippets_of

SHAPES = {
    "plain-fence-1": ("index.md", 17),
    "tilde-fence-1": ("index.md", 23),
    "long-fence-1": ("index.md", 29),
    "indented-fence-1": ("index.md", 35),
    "attributes-above-1": ("index.md", 42),
    "with-options": ("index.md", 51),
    "with-yaml": ("index.md", 62),
    "sourcecode-1": ("index.md", 68),
    "code-1": ("index.md", 74),
    "caption-1": ("index.md", 83),
    "colon-fence": ("index.md", 90),
    "note-1": ("index.md", 99),
    "colon-note-1": ("index.md", 107),
    "deep": ("index.md", 119),
    "tabs-1": ("index.md", 130),
    "mac": ("index.md", 140),
    "tabs-from-code-1": ("index.md", 149),
    "tabs-from-code-2": ("index.md", 153),
    "bullet-list-1": ("index.md", 162),
    "marker-1": ("index.md", 168),
    "nested-list-1": ("index.md", 177),
    "quote-1": ("index.md", 185),
    "quote-in-list-1": ("index.md", 195),
    "definition-1": ("index.md", 204),
    "card-1": ("index.md", 212),
    "table-1": ("index.md", 221),
    "include-1": ("fragments/part.md", 4),
    "literal-include": ("fragments/script.sh", 3),
    "rst-block": ("index.md", 246),
    "twins-1": ("index.md", 258),
    "twins-2": ("index.md", 262),
    "open-1": ("index.md", 306),
}
NOT_RUN = (
    "echo front matter",
    "echo comment",
    "echo percent",
    "echo indented code",
    "echo markdown",
    "echo inline",
    "echo restructured comment",
    "echo toml data",
)


def test_every_shape_is_found_at_its_line_and_nothing_else(tmp_path: Path) -> None:
    book = Book.copy("shapes", tmp_path)
    found = snippets_of(book.plan())
    places = {name: (one.path.removeprefix("source/"), one.line) for name, one in found.items()}
    assert places == SHAPES
    source = (tmp_path / "source/index.md").read_text("utf-8")
    for decoy in NOT_RUN:
        assert decoy in source
        assert not any(decoy in snippet.text for snippet in found.values())


def test_the_line_given_is_where_the_text_stands(tmp_path: Path) -> None:
    found = snippets_of(Book.copy("shapes", tmp_path).plan())
    for snippet in found.values():
        lines = (tmp_path / snippet.path).read_text("utf-8").splitlines()[snippet.line - 1 :]
        for shown, source in zip(snippet.text.splitlines(), lines, strict=False):
            assert source.endswith(shown)


@pytest.mark.parametrize(
    ("fence", "text"),
    [
        ("sh", "ls"),
        ("shell", "ls"),
        ("shell-session", "$ ls"),
        ("zsh", "ls"),
        ("pycon", ">>> 1"),
        ("ps1con", "PS> ls"),
        ("python3", "print()"),
        ("Bash", "ls"),
        ("", "$ ls"),
        ("text", "some text\n$ ls\n"),
        ("none", ">>> 1 + 1"),
        ("text", "   $ ls"),
    ],
)
def test_nothing_executable_hides_under_another_label(
    tmp_path: Path, fence: str, text: str
) -> None:
    book = Book(tmp_path)
    book.page(f"```{fence}\n{text}\n```\n")
    assert book.codes() == [("hidden-executable", 10)]


def test_indented_prompts_and_doctests_hide_nothing(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.page("    $ ls\n\n```{eval-rst}\n>>> 1 + 1\n2\n```\n")
    assert [code for code, _ in book.codes()] == ["hidden-executable"] * 2


def test_prose_in_a_text_block_is_no_command(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.page("```text\ncosts $ 5, or $5\n```\n\n```toml\nprice = '$ 5'\n```\n")
    assert book.codes() == []


def test_text_that_is_not_in_the_source_is_an_error(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.put("source/fragments/x.sh", "echo 1\necho 2\necho 3\n")
    book.page("```{literalinclude} fragments/x.sh\n:language: bash\n:lines: 1,3\n```\n")
    assert book.build() == 1
    (error,) = book.errors
    assert str(error) == (
        "source/index.md:9: text-not-in-source: The block that begins with 'echo 1' does "
        "not stand in the page's sources as it is rendered.\n"
        "  hint: Write it out whole, evenly indented: without `lines`, `prepend`, tabs."
    )


def test_equal_blocks_have_lines_of_their_own(tmp_path: Path) -> None:
    book = Book(tmp_path)
    note = "````{note}\n```bash\nls\n```\n````\n\n"
    book.page("<!--\n```bash\nls\n```\n-->\n\n" + note * 3 + "```bash\nls\n```\n")
    assert [snippet.line for snippet in snippets_of(book.plan()).values()] == [17, 23, 29, 34]


def test_names_come_from_the_heading_and_the_ordinal(tmp_path: Path) -> None:
    book = Book(tmp_path)
    unnamed = "```bash\nls\n```\n\n"
    named = block("ls", "name: list-1", language="bash")
    book.page(unnamed + "## List & look\n\n" + unnamed + named + "\n## List\n\n" + unnamed)
    assert list(snippets_of(book.plan())) == ["title-1", "list-look-1", "list-1", "list-1-x"]


def test_a_named_block_counts_so_that_naming_one_renames_no_other(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.page(block("$ true", "name: first") + "\n" + block("$ true"))
    assert list(snippets_of(book.plan())) == ["first", "title-2"]


def test_options_reach_the_snippet_from_every_directive(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.put("source/fragments/x.sh", "echo 1\n")
    includes = "```{literalinclude} fragments/x.sh\n:language: bash\n:timeout: 2min\n```\n"
    rst = "```{eval-rst}\n.. code-block:: bash\n   :on: db-1\n\n   echo rst\n```\n"
    book.page(block("$ true", "on: db-1", "stderr:") + "\n" + includes + "\n" + rst)
    options = [snippet.options for snippet in snippets_of(book.plan()).values()]
    assert (options[0].on, options[0].stderr) == ("db-1", True)
    assert options[1].timeout_s == 120
    assert options[2].on == "db-1"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            block("$ true", "hots: db-1"),
            "source/index.md:10: unknown-option: There is no option `hots`.\n"
            "  hint: The options are name, on, skip, until, timeout, exit-code, stderr, "
            "eventually, effect, undo, irreversible, refusal-of, optional, needs-fix.",
        ),
        (
            block("$ true", "on: db-1", "timeout: soon"),
            "source/index.md:11: bad-option: `timeout` is 'soon': write a number and a unit: "
            "250ms, 30s, 15min, 1h.\n  hint: For example `:timeout: 5min`.",
        ),
        (
            "```console {on=db-1}\n$ true\n```\n",
            "source/index.md:10: unknown-option: `{on=db-1}` on a plain fence is no option.\n"
            "  hint: Write ```{code-block} console, with the options as `:name: value` below.",
        ),
        (
            "```bash\n:on: db-1\nls\n```\n",
            "source/index.md:10: unknown-option: `:on: db-1` on a plain fence is no option.\n"
            "  hint: Write ```{code-block} bash, with the options as `:name: value` below.",
        ),
        (
            block("a = 1", "on: db-1", language="toml"),
            "source/index.md:12: unknown-option: `on` is for blocks that are run.\n"
            "  hint: Blocks that are run are labelled console, bash, python.",
        ),
        (
            "```sql\nSELECT 1;\n```\n",
            "source/index.md:10: typed-example: A `sql` block is typed into the page, where "
            "nothing checks it.\n  hint: Put it into a file under examples/ that is compiled, "
            "validated or run, and show that with `literalinclude`.",
        ),
        (
            "```klingon\nqapla\n```\n",
            "source/index.md:10: unknown-language: There is no language `klingon`.",
        ),
        ("```bash\n\n```\n", "source/index.md:9: empty-snippet: The block is empty."),
        (
            "```{only} html\n" + block("$ true").replace("```", "~~~") + "```\n",
            "source/index.md:12: conditional-block: The block stands inside `only`: some readers "
            "would see it and some not.\n  hint: Show it everywhere.",
        ),
        (
            "```console\nls\n```\n",
            "source/index.md:10: no-command: ",
        ),
    ],
)
def test_errors_say_what_where_and_what_to_do(tmp_path: Path, body: str, message: str) -> None:
    book = Book(tmp_path)
    book.page(body)
    assert book.build() == 1
    (error,) = book.errors
    assert str(error).startswith(message)
    assert str(error) == message or error.code == "no-command"
