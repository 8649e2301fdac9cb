"""Commands and hosts that were not found while a snippet ran, wherever their status went.

In a condition, a substitution or before `||` a misspelled name does not fail, and a
status that a page expects may come from one. So "not found" is no result of a page.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from drillbook.model import Snippet
from drillbook.pages.statements import Statement, statements, unwrapped

_GONE = r"(?:No such file or directory|[Cc]ommand not found|not found|Permission denied)"
_STARTERS = (
    r"timeout|nohup|nice|ionice|env|stdbuf|setsid|xargs|sudo|doas|taskset|chrt|unshare|flock|chroot"
)
_BY_STARTER = re.compile(
    rf"^(?:/\S*/)?(?:{_STARTERS}): (?:failed to (?:run|execute)(?: command)?:? )?"
    # The C library's own quotes, which are curly in most languages.
    rf"[\u2018'\"]?([^\s\u2018\u2019'\":]+)[\u2019'\"]?: {_GONE}$",
    re.MULTILINE,
)
_BY_SHELL = re.compile(
    r"^(?:bash|sh|dash|-c|/bin/\w*sh|/usr/bin/\w*sh): (?:line )?\d+: ([^\s:]+): "
    r"(?:command )?not found$",
    re.MULTILINE,
)
_HOST = re.compile(
    r"could not translate host name \"([^\"]+)\""
    r"|[Cc]ould not resolve (?:host(?:name)?|proxy):? ([\w.-]+)"
    r"|getaddrinfo (?:ENOTFOUND|EAI_AGAIN) ([\w.-]+)"
    r"|Could not connect to Redis at ([\w.-]+):\d+: (?:Name or service not known"
    r"|Temporary failure in name resolution)"
    r"|(?:lookup|dial tcp: lookup) ([\w.-]+)(?: on \S+)?: no such host"
    r"|([\w.-]+): (?:Name or service not known|Temporary failure in name resolution"
    r"|nodename nor servname provided)"
)


def command_in(said: str, snippet: Snippet) -> tuple[int, str] | None:
    """Page line and name of a command that was not found, by what was said of it.

    Args:
        said: Standard error of the snippet.
        snippet: What was run.
    """
    start = rf"^{re.escape(snippet.path)}: line (\d+): (?:exec: )?"
    if found := re.search(rf"{start}(.+): (?:command )?not found$", said, re.MULTILINE):
        return int(found[1]), found[2]
    # Of a file that is not there bash says the same, whether it is run or read.
    called = {word for each in statements(snippet.text) for word in unwrapped(each.words)[:1]}
    for found in re.finditer(rf"{start}(\S*/\S*): {_GONE}$", said, re.MULTILINE):
        if found[2] in called:
            return int(found[1]), found[2]
    if found := _BY_STARTER.search(said) or _BY_SHELL.search(said):
        return snippet.line, found[1]
    return None


def muted(text: str) -> Iterator[str]:
    """Programs whose errors go nowhere, so that nobody would say that they are not there."""
    for each in statements(text):
        words = unwrapped(each.words)
        if words and _says_nothing(each) and re.fullmatch(r"[\w./+-]+", words[0]):
            yield words[0]


def _says_nothing(statement: Statement) -> bool:
    return any(
        redirect.target in ("/dev/null", "&/dev/null", "&-")
        and (redirect.stream in ("2", "&") or redirect.target[0] == "&")
        for redirect in statement.redirects
    ) or (
        {"1", "2"} <= {redirect.stream for redirect in statement.redirects}
        and any(redirect.target == "/dev/null" for redirect in statement.redirects)
    )


def host_in(said: Iterable[str], known: Collection[str]) -> str:
    """A host that was not found and that the stack does not have; empty if there is none.

    A host of the stack may be gone: with compose its name goes with it.

    Args:
        said: What was printed.
        known: Every name of every host of the stack.
    """
    for text in said:
        for found in _HOST.finditer(text):
            name = next(group for group in found.groups() if group)
            if name not in known:
                return name
    return ""
