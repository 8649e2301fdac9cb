"""Pages with one guard, or one reason of a guard, taken away: each must turn red.

A guard is what a step that writes asks first (`may_promote "$replica" && ...`, or a
program such as `may promote && ...`). A mutant is the project with one line of a
page changed; it is run as the page is, and something on it must fail. One that passes
shows a guard, or a reason for which a guard refuses, that no block proves.

A program's guard may be seen to refuse on a page beside the step's, where nothing is at
stake; then the step is no mutant. The reasons for which it refuses are the program's tests.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from drillbook.errors import HarnessError
from drillbook.model import Page, Snippet
from drillbook.pages import languages
from drillbook.pages.statements import Statement, statements, unwrapped

FOLDER = "build/mutants"
_COPIED = ("source", "examples", "drillbook", "tests")
_MADE = shutil.ignore_patterns("__pycache__", "node_modules", ".mypy_cache")
_FILES = ("conf.py", "requirements.lock", "pyproject.toml", "README.md", "CHANGELOG.md")
_BUILD_SHARED = ("templates", "programs", "node_modules", "node", "debian", "servers")
_GIVES_UP = re.compile(r"\breturn [1-9]|\bfalse\b")
_FUNCTION = re.compile(r"^(\w+)\(\) [{(](?:.*[})]$|(?s:.*?)^[})])", re.MULTILINE)
_TIMEOUT_S = 3600.0


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one line of a page's source."""

    path: str
    """The file, relative to the project."""

    line: int
    """1-based."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """What is taken away, where it stands first, and the changes that do it."""

    what: str
    edits: tuple[Edit, ...]

    def __str__(self) -> str:
        return f"{self.edits[0].path}:{self.edits[0].line}: {self.what}"


def of_page(page: Page, root: Path, beside: Iterable[Page] = ()) -> tuple[Mutant, ...]:
    """Every mutant of a page: each guard dropped, each of its reasons silenced.

    Args:
        page: The page, as the plan has it.
        root: The project's folder.
        beside: The pages of the book; those of its folder, and below, may show a program's
            guard refuse.
    """
    folder = page.docname.rpartition("/")[0]
    shown = {
        guard
        for other in beside
        if other.docname.startswith(f"{folder}/")
        for guard in refusing(other)
    }
    snippets = _snippets(page)
    guards: set[str] = set()
    found: list[Mutant] = []
    for snippet in snippets:
        if snippet.options.refusal_of:
            continue
        # A refusal is the same block, so it changes with it.
        twins = [s for s in snippets if s.options.refusal_of == snippet.name]
        for line, statement in _statements(snippet):
            if _guards(snippet, statement) and _name(statement) not in shown:
                guards.add(statement.words[0])
                places = [(snippet, line), *_asked_again(twins, statement)]
                edits = [_without_guard(each, at, statement, root) for each, at in places]
                if edits[0]:
                    asked = edits[0].old.removesuffix(" ").removesuffix("&&").strip()
                    kept = tuple(edit for edit in edits if edit)
                    found.append(Mutant(f"the guard `{asked}` is dropped", kept))
    found += _without_reasons(snippets, guards)
    return tuple(sorted(set(found), key=lambda each: (each.edits[0].path, each.edits[0].line)))


def asked(page: Page) -> Iterator[tuple[Snippet, tuple[str, ...]]]:
    """Each guard of a program that a step of a page asks first, by its words: `may end`."""
    for snippet in _snippets(page):
        for _, statement in _statements(snippet):
            if _guards(snippet, statement) and _name(statement):
                yield snippet, _name(statement)


def refusing(page: Page) -> set[tuple[str, ...]]:
    """The guards of programs that are seen to refuse on a page: asked alone, and failing."""
    return {
        _name(statement)
        for snippet in _snippets(page)
        if snippet.options.exit_code and not snippet.options.skip
        for _, statement in _statements(snippet)
        if _name(statement) and not statement.nested and statement.after != "&&"
    }


def passes(mutant: Mutant | None, page: Page, root: Path, arguments: Sequence[str]) -> bool:
    """Runs the page with a change; whether all of it passed.

    Args:
        mutant: The change; none runs the page as it is.
        page: The page.
        root: The project's folder.
        arguments: Further arguments of `drillbook run`.

    Raises:
        HarnessError: `mutant-broke` when the page is no page any more, or the harness broke.
    """
    book = _book(root)
    for edit in mutant.edits if mutant else ():
        file = book / edit.path
        lines = file.read_text(encoding="utf-8").split("\n")
        lines[edit.line - 1] = lines[edit.line - 1].replace(edit.old, edit.new, 1)
        file.write_text("\n".join(lines), encoding="utf-8")
    run = ["run", "--page", page.docname, "--no-control", "-x", "-q", *arguments]
    for command in (["plan"], run):
        done = subprocess.run(
            [sys.executable, "-m", "drillbook", *command],
            cwd=book, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
        if done.returncode not in ((0,) if command == ["plan"] else (0, 1)):
            said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
            raise HarnessError("mutant-broke", f"{mutant or 'the page as it is'}:\n{said}")
    return done.returncode == 0


def _book(root: Path) -> Path:
    """A project of its own, that shares what is made once."""
    book = root / FOLDER / "book"
    shutil.rmtree(book, ignore_errors=True)
    (book / "build").mkdir(parents=True)
    # Copies: what a link leads to is outside the project, and Sphinx says so.
    for name in _COPIED:
        if (root / name).is_dir():
            shutil.copytree(root / name, book / name, symlinks=True, ignore=_MADE)
    for name in _FILES:
        if (root / name).is_file():
            shutil.copy(root / name, book / name)
    for name in _BUILD_SHARED:
        if (root / "build" / name).exists():
            (book / "build" / name).symlink_to(root / "build" / name)
    return book


def _snippets(page: Page) -> tuple[Snippet, ...]:
    return tuple({s.id: s for each in page.scenarios for s in each.snippets}.values())


def _name(statement: Statement) -> tuple[str, ...]:
    """A program's guard: the program, `may` and what is asked; empty where it asks none."""
    return tuple(statement.words[:3]) if statement.words[1:2] == ["may"] else ()


def _statements(snippet: Snippet) -> Iterator[tuple[int, Statement]]:
    """Each statement that is typed, with its 0-based line in the block."""
    if not languages.of(snippet).shell:
        return
    for command in languages.commands(snippet):
        for statement in statements(command.text):
            yield command.line - snippet.line + statement.line, statement


def _asked_again(twins: Sequence[Snippet], guard: Statement) -> Iterator[tuple[Snippet, int]]:
    """Where the same guard stands in blocks that show it refuse; their outputs differ."""
    for twin in twins:
        for line, statement in _statements(twin):
            if statement.words == guard.words:
                yield twin, line


def _guards(snippet: Snippet, statement: Statement) -> bool:
    """Whether a statement is asked before something is changed, and may refuse it."""
    if statement.after != "&&" or statement.nested or not unwrapped(statement.words):
        return False
    acts = snippet.options.effect in ("write", "destructive") or bool(snippet.options.refusal_of)
    asks = statement.program.startswith("may_") or statement.words[1:2] == ["may"]
    return acts and asks


def _without_guard(snippet: Snippet, offset: int, statement: Statement, root: Path) -> Edit | None:
    line = snippet.line + offset
    text = (root / snippet.path).read_text(encoding="utf-8").split("\n")[line - 1]
    match = re.search(rf"(?<!\w){re.escape(statement.words[0])}\b.*?&& ?", text)
    return Edit(snippet.path, line, match[0], "") if match else None


def _without_reasons(snippets: Sequence[Snippet], guards: set[str]) -> Iterator[Mutant]:
    """Each clause of each guard function in a block, with its refusal made a success."""
    defined = [
        (match[1], match[0], snippet, match.start())
        for snippet in snippets
        for match in _FUNCTION.finditer(snippet.text)
    ]
    # What guards call in order to refuse: functions that say why, and return a failure.
    refusers = {name for name, body, _, _ in defined if _GIVES_UP.search(body)} - guards
    called = re.compile(rf"(?<![\w$])(?:{'|'.join(map(re.escape, sorted(refusers)))}) (?=['\"])")
    for name, body, snippet, start in defined if refusers else ():
        if name in guards:
            begin = snippet.line + snippet.text.count("\n", 0, start)
            for offset, text in enumerate(body.split("\n")):
                for clause in called.finditer(text):
                    edit = Edit(snippet.path, begin + offset, clause[0], ": ")
                    yield Mutant(f"{name} does not refuse: {text.strip()}", (edit,))
