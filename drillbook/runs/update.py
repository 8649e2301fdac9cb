"""Writes what was really printed into the pages, and keeps what still holds.

A mask stays where its kind of value still stands, a `...` where it still has a
literal line beside it. Everything else of the page stays byte for byte.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from drillbook import files
from drillbook.errors import PageError, Where
from drillbook.pages import effects
from drillbook.pages.console import ELLIPSIS, PROMPT, Command
from drillbook.snippets.compare import align, printed_lines
from drillbook.snippets.masks import Mask, matches, parts

_FENCE = re.compile(r"\s*(?:`{3,}|~{3,}|:{3,})")
_WORD_BEFORE = re.compile(r"\S*\s*$")
_PROMPTED = re.compile(
    r"\s*(?:[$#%>]|\w+@[\w.-]+(?::\S*)?[$#]|\w*(?:sh|bash)[\w.-]*[$#]|\w+> ?>?)(?: |$)"
)
_KEYWORD = re.compile(
    r"\s*(?:do|done|then|else|fi|esac|;;|\}|\)|(?:for|while|until|if|elif|case|select)\s.*)"
    r"\s*(?:[;|&<>].*)?$"
)
_ARGUMENT = re.compile(r"--?\w|\$|\"|'|[<>|]|&&$|/\w|\w+=")
_TOOLS = frozenset(
    """
    alias awk base64 basename bash cat cd chmod cmp comm cut date declare df diff dirname dig du
    echo env eval exec exit export file find getent grep gunzip gzip head hostname id ip jq kill
    ls local mapfile mktemp nc node npx openssl pgrep pg_dump pg_isready ping printenv printf ps
    python python3 read readlink realpath sed seq set sha256sum sleep sort source ss stat sudo
    systemd-run tail tar test timeout touch tr trap type uname uniq unset wait wc wget xargs zcat
    """.split()  # noqa: SIM905 - a table of words
)
"""Programs and builtins beside those of which `effects` knows what they change."""


@dataclass(frozen=True, slots=True)
class Change:
    """Lines of a page that others take the place of."""

    path: str
    """Page, relative to the project."""

    line: int
    """1-based line of the first of `old` in the page."""

    old: tuple[str, ...]
    """The lines as rendered, without what the page puts before each (`> `, indentation)."""

    new: tuple[str, ...]
    """What takes their place, in the same form."""


def of_command(path: str, command: Command, actual: str, own: Collection[str] = ()) -> Change:
    """The change that makes a command's expectation agree with an output.

    Args:
        path: The page.
        command: The command as the page has it.
        actual: What it printed.
        own: Programs of the stack's own.

    Raises:
        PageError: `output-not-text` when the output has control characters,
            `output-ends-block` when a line of it would be read as markup or as a
            command, `update-deletes-command` when a line that would go looks like one.
    """
    where = Where(path, command.line)
    new = expectation(command.expected, actual)
    _keep_commands(command, new, path, own)
    dots = new.count(ELLIPSIS) > command.expected.count(ELLIPSIS)
    # The command's own lines go with it: they prove that this is the place.
    typed = tuple((PROMPT + command.text).split("\n"))
    for line in new:
        if any(not (char.isprintable() or char == "\t") for char in line):
            raise PageError(
                "output-not-text",
                f"the output has characters that a page cannot show: {line!r}.",
                where=where,
            )
        prompt = line.startswith(PROMPT) or line == PROMPT.rstrip()
        if _FENCE.match(line) or prompt or (dots and line == ELLIPSIS):
            raise PageError(
                "output-ends-block",
                f"the output has a line that would be read as markup or as a command: {line!r}.",
                where=where,
                hint="let the command print less, and put a `...` where such lines stand.",
            )
    return Change(path, command.line, typed + command.expected, typed + new)


def _keep_commands(command: Command, new: Sequence[str], path: str, own: Collection[str]) -> None:
    """Lets no update take away a line that the author may have meant to be typed."""
    for offset, line in enumerate(command.expected):
        if line not in new and looks_typed(line, own):
            raise PageError(
                "update-deletes-command",
                f"the line {line!r} would go, and it looks like a command that is to be typed.",
                where=Where(path, command.expected_line + offset),
                hint="begin it with `$ `, end the line above it in a backslash, or take it out.",
            )


def looks_typed(line: str, own: Collection[str] = ()) -> bool:
    """Whether a line of output looks like something that is typed into a shell.

    Args:
        line: The line.
        own: Programs of the stack's own.
    """
    if _PROMPTED.match(line) or _KEYWORD.match(line) or line.rstrip(" \t").endswith("\\"):
        return True
    words = line.split()
    program = words[0].rpartition("/")[2] if words else ""
    known = program in effects.PROGRAMS or program in _TOOLS or program in own
    return known and any(_ARGUMENT.match(word) for word in words[1:])


def of_block(path: str, line: int, text: str, updated: str) -> Change:
    """The change that puts another text in the place of a whole block.

    Args:
        path: The page.
        line: 1-based line of the block's first line in it.
        text: The block as the page has it.
        updated: What takes its place.
    """
    old, new = (tuple(part.removesuffix("\n").split("\n")) for part in (text, updated))
    return Change(path, line, old, new)


def expectation(expected: Sequence[str], actual: str) -> tuple[str, ...]:
    """The expected lines that agree with an output, as like the old ones as can be."""
    blank = 0
    while blank < len(expected) and not expected[-1 - blank].strip():
        blank += 1
    old, got = list(expected[: len(expected) - blank]), printed_lines(actual)
    stripped = [line.rstrip(" \t") for line in old]
    steps = align(stripped, got)
    new: list[str] = []
    gone: list[str] = []
    at = 0
    while at < len(steps):
        step = steps[at]
        at += 1
        if step.kind == "missing":
            gone.append(old[step.expected])
        elif step.kind == "extra":
            line = got[step.actual]
            new.append(_keep_masks(gone.pop(0), line) if gone else line)
        elif step.kind == "equal":
            new.append(old[step.expected])
            gone = []
        else:
            follow: list[str] = []
            while at < len(steps) and steps[at].kind == "missing":
                follow.append(old[steps[at].expected])
                at += 1
            stood_for = got[step.actual : step.actual + step.count]
            literal_after = at < len(steps) and bool(got[steps[at].actual].strip())
            new += _keep_ellipsis(
                stood_for, gone, follow, bool(new) and bool(new[-1].strip()), literal_after
            )
            gone = []
    return (*new, *expected[len(expected) - blank :])


def _keep_ellipsis(
    stood_for: Sequence[str],
    gone_before: Sequence[str],
    gone_after: Sequence[str],
    literal_before: bool,
    literal_after: bool,
) -> list[str]:
    """What takes the place of a `...`: itself, with a line for each that is gone beside it.

    Otherwise it would swallow what came instead of them, and the page would prove
    less after each update.
    """
    head = [_keep_masks(old, line) for old, line in zip(gone_before, stood_for, strict=False)]
    rest = stood_for[len(head) :]
    count = min(len(gone_after), len(rest))
    middle, last = rest[: len(rest) - count], rest[len(rest) - count :]
    tail = [_keep_masks(old, line) for old, line in zip(gone_after, last, strict=False)]
    beside = [*head[-1:], *tail[:1]]
    if literal_before or literal_after or any(line.strip() for line in beside):
        return [*head, ELLIPSIS, *tail]
    # Nothing literal would be beside it.
    return [*head, *middle, *tail]


def _keep_masks(old: str, actual: str) -> str:
    """A printed line with the masks of an old one, each where it stood.

    A mask is where the same word is before it as in the old line, and the same
    character after it: elsewhere a number may be another number.
    """
    found = list(parts(old.rstrip(" \t")))
    new, at = "", 0
    for index, part in enumerate(found):
        if not isinstance(part, Mask):
            continue
        before = found[index - 1] if index else ""
        after = found[index + 1] if index + 1 < len(found) else ""
        if isinstance(before, Mask) or isinstance(after, Mask):
            continue
        word = _WORD_BEFORE.search(before)
        left = re.escape(word[0]) if word and word[0] else "^"
        right = re.escape(after[:1]) if after else "$"
        place = re.compile(f"{left}({part.pattern})(?={right})").search(actual, at)
        if place:
            new += actual[at : place.start(1)] + f"<{part.name}>"
            at = place.end(1)
    new += actual[at:]
    return new if matches(new, actual) else actual


def rewrite(source: str, changes: Iterable[Change]) -> str:
    """The text of a page with changes made.

    Args:
        source: The page's text.
        changes: Changes of this one page, in any order; the same one may come twice.

    Raises:
        PageError: `source-changed` when a line is not what the change says it is,
            `outputs-disagree` when two changes of one place are not the same.
    """
    lines = source.split("\n")
    ordered = sorted(set(changes), key=lambda change: change.line, reverse=True)
    for below, change in itertools.pairwise(ordered):
        if change.line + len(change.old) > below.line:
            raise PageError(
                "outputs-disagree",
                "this block runs in more than one scenario, and printed something else in each.",
                where=Where(change.path, change.line),
                hint="put masks or a `...` for what differs.",
            )
    for change in ordered:
        first, last = change.line - 1, change.line - 1 + len(change.old)
        prefix, ending = _surroundings(lines, change)
        lines[first:last] = [_placed(prefix, line) + ending for line in change.new]
    return "\n".join(lines)


def apply(root: Path, changes: Iterable[Change]) -> str:
    """Writes changes into their pages and returns them as a unified diff.

    All pages are read and rewritten in memory before the first is written, and
    each is put in place whole: an error or an interrupt leaves no half of a page.

    Args:
        root: The project's folder.
        changes: Of any pages, in any order.

    Raises:
        PageError: as `rewrite`.
    """
    by_path: dict[str, list[Change]] = {}
    for change in changes:
        by_path.setdefault(change.path, []).append(change)
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    for path in sorted(by_path):
        # Bytes: reading as text would turn the file's own line ends into others.
        before[path] = (root / path).read_bytes().decode()
        after[path] = rewrite(before[path], by_path[path])
    for path, text in before.items():
        if (root / path).read_bytes() != text.encode():
            raise PageError(
                "source-changed",
                "the page changed while it was being updated, so nothing was written.",
                where=Where(path),
                hint="run it again.",
            )
    for path, text in after.items():
        if text != before[path]:
            _replace(root / path, text.encode())
    return "".join(_diff(path, before[path], after[path]) for path in after)


def _surroundings(lines: Sequence[str], change: Change) -> tuple[str, str]:
    """What the page has before and after each line of the text.

    Raises:
        PageError: `source-changed`.
    """
    at = change.line - 1
    there = lines[at : at + len(change.old)]
    first = there[0].removesuffix("\r") if there else ""
    ending = "\r" if there and there[0].endswith("\r") else ""
    prefix = first[: len(first) - len(change.old[0])]
    for offset, old in enumerate(change.old):
        line = there[offset].removesuffix("\r") if offset < len(there) else None
        if line not in (prefix + old, _placed(prefix, old)):
            raise PageError(
                "source-changed",
                f"the page no longer has {old!r} on this line, so nothing of it was written.",
                where=Where(change.path, change.line + offset),
                hint="run it again: the run began with another text of the page.",
            )
    return prefix, ending


def _placed(prefix: str, line: str) -> str:
    return prefix + line if line else prefix.rstrip(" \t")


def _diff(path: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), path, path
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def _replace(file: Path, content: bytes) -> None:
    """Puts a file's new content in place in one step, its mode kept."""
    target = file.resolve()
    mode = target.stat().st_mode & 0o7777
    files.replace(target, content, mode=mode, durable=True)
