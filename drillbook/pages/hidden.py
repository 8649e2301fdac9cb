"""Failures that a page hides on purpose: `|| true`, and messages sent to /dev/null."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from drillbook.errors import PageError, Where
from drillbook.pages.statements import Statement


def check(found: Sequence[Statement], at: Where) -> Iterator[PageError]:
    """Every statement that hides its failure, or says nowhere why it fails.

    Args:
        found: The statements of typed commands or a script.
        at: Where the text begins.
    """
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
