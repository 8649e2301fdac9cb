"""A language is one record: what the engine knows of it stands nowhere else."""

from __future__ import annotations

import ast

import pytest

from drillbook.errors import Where
from drillbook.pages.languages import BASH, CONSOLE, LANGUAGES, PYTHON, Language, choice
from tests.conftest import ROOT

ENGINE = ROOT / "drillbook"
RECORDS = "pages/languages.py"

ALSO = {
    # Programs and agents' requests of the same name.
    "inside/shell.py", "inside/agent.py", "sandboxes/host.py", "pages/syntax.py",
    "sandboxes/exposed.py", "snippets/play.py", "pages/effects.py", "pages/lost.py",
    # A page that the tests of the marks' look are made from.
    "site/mark_examples.py",
}  # fmt: skip


def test_no_module_but_one_names_a_language() -> None:
    named = set()
    for path in ENGINE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and node.value in LANGUAGES:
                named.add(path.relative_to(ENGINE).as_posix())
    assert named - {RECORDS} == ALSO


def test_a_block_of_one_language_is_taken_apart_by_its_record() -> None:
    console = CONSOLE.parse("$ a\nb\n$ c\n", "source/x.md", 5)
    assert [(each.text, each.line, each.expected) for each in console] == [
        ("a", 5, ("b",)),
        ("c", 7, ()),
    ]
    for whole in (BASH, PYTHON):
        (only,) = whole.parse("a\nb\n", "source/x.md", 5)
        assert (only.text, only.line, only.expected) == ("a\nb\n", 5, ())


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES)
def test_every_language_refuses_what_a_reader_must_fill_in(language: Language) -> None:
    (error,) = language.check('a("<your name>")\n', Where("source/x.md", 5))
    assert (error.code, str(error.where)) == ("placeholder", "source/x.md:5")


def test_the_choice_says_what_each_block_holds() -> None:
    assert choice() == "`console` (commands after `$ `), `bash` (a script) or `python`"
