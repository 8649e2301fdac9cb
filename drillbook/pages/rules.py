"""What the text of a snippet must not do: hide failures, leave blanks, understate itself,
read differently at a reader's prompt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from drillbook.errors import PageError, Where
from drillbook.model import Language, Options
from drillbook.pages import effects, interactive, lost
from drillbook.pages.console import Command
from drillbook.pages.statements import Statement, statements

_ANGLE = re.compile(r"<(?!\s)([A-Za-z][\w .-]*|\.\.\.)>")
_TAGS = frozenset(
    {
        *("html", "head", "body", "title", "meta", "link", "script", "style"),
        *("a", "b", "i", "p", "br", "hr", "em", "pre", "div", "span", "code", "strong"),
        *("h1", "h2", "h3", "h4", "li", "ol", "ul", "td", "th", "tr", "table"),
        *("form", "input", "button"),
    }
)
_SQUARE = re.compile(
    r"(?<![\w\]}$\[\\])\[(?:your|YOUR|[A-Za-z]{2,}[ _-])[\w -]*\](?![\[(\]*+?{\w])"
)
_SQUARE_WORD = re.compile(r"(?:[\w.:/@=-]*[=/:@])?\[[A-Za-z]{2,}[\w -]*\]")
_BLANK = re.compile(
    r"(?i)(?<![a-z0-9])(your[_-]\w+|x{3,}(?![a-z0-9])|change_?me(?![a-z])|replace_?me(?![a-z]))"
)


def check(
    language: Language,
    text: str,
    commands: Sequence[Command],
    options: Options,
    at: Where,
    tools: effects.Tools = effects.NONE,
) -> Iterator[PageError]:
    """Everything wrong with a snippet's own text.

    Args:
        language: The snippet's language.
        text: The block as rendered.
        commands: What `console.parse` made of it; empty for other languages.
        options: The block's options.
        at: Where the text begins.
        tools: What the stack's own programs do.
    """
    parts = [(command.text, command.line) for command in commands] or [(text, at.line)]
    if language == "console" and not commands:
        return
    for part, line in parts:
        place = Where(at.path, line)
        if language == "python":
            yield from _python_blanks(part, place)
        else:
            found = statements(part)
            yield from interactive.check(part, place)
            yield from _hidden(found, place)
            yield from lost.check(part, place)
            yield from _blanks(found, part, place)
    if not options.refusal_of:
        yield from _effect(language, [part for part, _ in parts], options, at, tools)


def _effect(
    language: Language, texts: Sequence[str], options: Options, at: Where, tools: effects.Tools
) -> Iterator[PageError]:
    if options.eventually_s and options.effect != "read":
        yield PageError(
            "eventually-writes",
            "`eventually` repeats the block, so it must only read; its effect is "
            f"{options.effect or 'not declared'}.",
            where=at,
            hint="Declare `:effect: read`, or wait in a block of its own.",
        )
    if not options.effect:
        return
    found = effects.strongest(language, texts, tools)
    if found and effects.RANK[found.effect] > effects.RANK[options.effect]:
        yield PageError(
            "understated-effect",
            f"The effect is declared as {options.effect}, but `{found.verb}` is {found.effect}.",
            where=at,
            hint=f"Declare `:effect: {found.effect}`, and how to undo it.",
        )


def _hidden(found: Sequence[Statement], at: Where) -> Iterator[PageError]:
    for statement in found:
        line = Where(at.path, at.line + statement.line)
        if statement.before == "||" and _does_nothing(statement.words):
            yield PageError(
                "hidden-failure",
                f"`|| {' '.join(statement.words)}` hides that a command fails.",
                where=line,
                hint="Handle the failure, or expect it with `:exit-code:`.",
            )
        whole = not (statement.nested or statement.condition)
        if whole and statement.after not in ("&&", "||", "|", "|&") and _mute(statement):
            yield PageError(
                "hidden-failure",
                "The command's error messages go to /dev/null, so a reader would not see "
                "why it fails.",
                where=line,
                hint="Let it print them; `:stderr:` compares them.",
            )


def _does_nothing(words: Sequence[str]) -> bool:
    plain = [word for word in words if word not in ("command", "builtin")]
    return len(plain) == 1 and plain[0].rpartition("/")[2] in ("true", ":")


def _mute(statement: Statement) -> bool:
    mute = False
    outputs: set[str] = set()
    for redirect in statement.redirects:
        if redirect.target in ("/dev/null", "&/dev/null"):
            outputs.add(redirect.stream)
            mute = mute or redirect.stream in ("2", "&") or redirect.target[0] == "&"
        elif redirect.stream == "2":
            mute = redirect.target == "&-" or (redirect.target == "&1" and "1" in outputs)
    return mute


def _blanks(found: Sequence[Statement], text: str, at: Where) -> Iterator[PageError]:
    seen: set[tuple[int, str]] = set()
    for number, line in enumerate(text.split("\n")):
        for blank in _in_line(line):
            seen.add((number, blank))
    for statement in found:
        for word in statement.bare:
            if word in ("...", "…") or (
                _SQUARE_WORD.fullmatch(word) and statement.program not in ("[", "[[", "tr", "test")
            ):
                seen.add((statement.line, word))
        if statement.program == "mktemp":
            # XXXXXX is mktemp's own spelling of "any name".
            seen = {
                (number, blank)
                for number, blank in seen
                if number != statement.line or blank.strip("Xx")
            }
    for number, blank in sorted(seen):
        yield _placeholder(blank, Where(at.path, at.line + number))


def _python_blanks(text: str, at: Where) -> Iterator[PageError]:
    for number, line in enumerate(text.split("\n")):
        if not line.lstrip().startswith("#>"):
            for blank in _in_line(line, square=False):
                yield _placeholder(blank, Where(at.path, at.line + number))


def _in_line(line: str, *, square: bool = True) -> Iterator[str]:
    """Blanks in one line, of shell unless `square` is false."""
    for match in _ANGLE.finditer(line):
        heredoc = line[: match.start()].endswith("<")
        if square and _redirects(match[1], line[match.end() :]):
            continue
        if not heredoc and match[1].lower().split()[0] not in _TAGS:
            yield match[0]
    if square:
        for match in _SQUARE.finditer(line):
            # A line of its own is the heading of an ini file.
            if match[0] != line.strip():
                yield match[0]
    for match in _BLANK.finditer(line):
        yield match[0]


def _redirects(inside: str, after: str) -> bool:
    """Whether `<inside>after` are two redirections: `<names.txt >sorted.txt`, `<in>out`.

    To bash each `<host>` without quotes is one. Meant as such is what has a blank (or a
    descriptor) before the `>`, a file's name behind it at once, or a file's name inside.
    """
    if re.search(r"\s\d*$", inside) or re.match(r"[\w$&~]|\"\$|/(?!<)|>", after):
        return True
    return bool(re.search(r"\.\w+$", inside) and re.match(r"[ \t]+[\w$\"'/~.]", after))


def _placeholder(blank: str, at: Where) -> PageError:
    return PageError(
        "placeholder",
        f"`{blank}` is left for the reader to fill in, so what is printed cannot run.",
        where=at,
        hint="Let an earlier block find the value and put it into a variable.",
    )
