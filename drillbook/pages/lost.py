"""Statuses that get lost: commands after which a failure looks like success.

A block passes when its commands end with 0, so whatever turns a failure into 0 hides
that a page is wrong. The clients are those that runbooks use; what each needs in order
to say that it failed is in its manual.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from drillbook.errors import PageError, Where
from drillbook.pages import chains
from drillbook.pages.statements import Statement, statements, unwrapped

_DECLARES = frozenset({"export", "declare", "typeset", "local", "readonly"})
_SUBSTITUTES = re.compile(r"\w+(?:\[[^]]*\])?\+?=.*(?:\$\((?!\()|`|<\()", re.DOTALL)
_PRINTS = frozenset({"echo", "printf", "cat"})
_TESTS = frozenset({"[[", "[", "test", "((", "let", "command", "type", "hash"})
_FILTERS = frozenset({"grep", "cmp", "diff"})
_GIVES_UP = frozenset({"return", "exit", "false", "kill", "break", "continue"})
_STRICT = frozenset({"errexit", "errtrace", "pipefail"})

_SQL_STOPS = re.compile(r"(?<!\w)ON_ERROR_STOP=(?:1|on|true)\b", re.IGNORECASE)
_SQL_GOES_ON = re.compile(
    r"ON_ERROR_STOP=(?:0|off|false)\b|\\set\s+ON_ERROR_STOP\s+(?:0|off|false)\b"
    r"|\\unset\s+ON_ERROR_STOP\b",
    re.IGNORECASE,
)
_SQL_COMMAND = re.compile(r"-[a-zA-Z]*c|--command(?:=.*)?", re.DOTALL)
_ONLY_SAYS = {
    "psql": re.compile(r"--version|-V|--help(?:=\w+)?|-\?|--list|-l"),
    "redis-cli": re.compile(r"--version|-v|--help|--stat|--latency\S*|--intrinsic-latency"),
    "curl": re.compile(r"--version|-V|--help|-h|--manual|-M"),
}
_CURL_FAILS = re.compile(
    r"--fail(?:-with-body)?|--include|--head|--dump-header"
    r"|-(?![-X])[a-zA-Z#]*[fiID][a-zA-Z#]*|.*%\{(?:http|response)_code\}.*",
    re.DOTALL,
)
_REDIS_FAILS = re.compile(r"-e")
_NODE_GOES_ON = (
    re.compile(r"--unhandled-rejections[= ](?:warn|none)\b"),
    re.compile(r"\bon\(\s*['\"](?:unhandledRejection|uncaughtException)\b"),
    re.compile(r"\.catch\(\s*(?:console\.\w+\s*\)|\(?\w*\)?\s*=>\s*(?:\{\s*\}|null|undefined|0))"),
    re.compile(r"\.catch\(\s*\(?\w*\)?\s*=>\s*console\.\w+\([^)]*\)\s*\)"),
    re.compile(r"\bcatch\s*(?:\(\s*\w+\s*\))?\s*\{\s*(?:console\.\w+\([^)]*\);?\s*)?\}"),
)
_IGNORES = {
    "kubectl": re.compile(r"--ignore-not-found(?:=true)?|--ignore-errors(?:=true)?"),
    "pg_restore": re.compile(r"--no-exit-on-error"),
    "make": re.compile(r"-[a-zA-Z]*[ik]|--ignore-errors|--keep-going"),
    "npm": re.compile(r"--if-present"),
    "mysql": re.compile(r"-[a-zA-Z]*f|--force"),
}


def check(text: str, at: Where) -> Iterator[PageError]:
    """Every place in typed commands or a script where a failure would not be seen.

    Args:
        text: The text, without prompts and outputs.
        at: Where it begins.
    """
    found = statements(text)
    for position, statement in enumerate(found):
        where = Where(at.path, at.line + statement.line)
        told = (
            *_shell(statement),
            *_only_prints(found, position),
            *_goes_on(found, position),
            *_client(unwrapped(statement.words), statement),
        )
        for message, hint in told:
            yield PageError("lost-status", message, where=where, hint=hint)
        streams = {redirect.stream for redirect in statement.redirects}
        if statement.after == "&" and not streams & {"1", "&"}:
            yield PageError(
                "background-output",
                "what a job in the background prints comes out in whatever block is read then.",
                where=where,
                hint="send its output to a file: `command > /tmp/said 2>&1 &`.",
            )


def _shell(statement: Statement) -> Iterator[tuple[str, str]]:
    words = statement.words
    program = statement.program
    if program in _DECLARES and any(map(_SUBSTITUTES.match, words[1:])):
        yield (
            f"`{program}` ends with 0 whatever the command in its substitution does.",
            f"assign first (`name=$(...)`), then `{program} name`.",
        )
    options = [word for word in words[1:] if word.startswith("-")]
    if program == "wait" and len(options) == len(words) - 1 and "-n" not in options:
        yield (
            "`wait` without a process ends with 0 whatever its jobs did.",
            'keep the number (`job=$!`) and `wait "$job"`.',
        )
    if program in ("set", "shopt") and _turns_off(words):
        yield (
            f"`{' '.join(words)}` turns off what makes a block fail.",
            "expect the failure with `:exit-code:`, or ask for it with `if`.",
        )
    if program == "trap" and {"ERR", "SIGERR", "DEBUG", "RETURN"} & {w.upper() for w in words[1:]}:
        yield (
            "a trap on ERR, DEBUG or RETURN decides what becomes of a failure.",
            "expect the failure with `:exit-code:`, or ask for it with `if`.",
        )


def _turns_off(words: Sequence[str]) -> bool:
    if words[0] == "shopt":
        flags = "".join(word[1:] for word in words[1:] if word.startswith("-"))
        return "u" in flags and bool(_STRICT & set(words[1:]))
    for flag, name in zip(words[1:], [*words[2:], ""], strict=True):
        if flag.startswith("+") and ({"e", "E"} & set(flag) or ("o" in flag and name in _STRICT)):
            return True
    return False


def _only_prints(found: Sequence[Statement], position: int) -> Iterator[tuple[str, str]]:
    """`command || echo ...`: a failure ends as a line of text."""
    statement = found[position]
    if statement.before != "||" or statement.program not in _PRINTS or position == 0:
        return
    asked = next((e for e in reversed(found[:position]) if e.nested == statement.nested), None)
    following = next((e for e in found[position + 1 :] if e.nested == statement.nested), None)
    if asked is None or asked.program in _TESTS | _PRINTS or asked.condition or not asked.words:
        return
    if asked.program in _FILTERS and asked.before == "|":
        return
    if following and following.program in _GIVES_UP and following.before in (";", "&&", ""):
        return
    yield (
        f"`|| {' '.join(statement.words)}` turns the failure of `{asked.program}` into success.",
        "handle the failure and give up (`|| { echo ...; return 1; }`), or expect it.",
    )


def _goes_on(found: Sequence[Statement], position: int) -> Iterator[tuple[str, str]]:
    """`check && act` with more behind it: the script goes on as if `check` had not failed."""
    program = found[position].program
    if program and program not in _TESTS and chains.loses(found, position):
        yield (
            f"`{program} ... &&` loses its failure: what follows the chain is run all the same.",
            "let the chain end the block, give each command a line of its own, or ask with `if`.",
        )


def _client(words: Sequence[str], statement: Statement) -> Iterator[tuple[str, str]]:
    if not words:
        return
    program = words[0].rsplit("/", 1)[-1]
    arguments = words[1:]
    said = _ONLY_SAYS.get(program)
    if said and any(map(said.fullmatch, arguments)):
        return
    if program == "psql":
        yield from _psql(arguments, statement.documents)
    elif program == "redis-cli" and not any(map(_REDIS_FAILS.fullmatch, arguments)):
        yield (
            "redis-cli ends with 0 when Redis answers with an error.",
            "`redis-cli -e`",
        )
    elif program == "curl" and not any(map(_CURL_FAILS.fullmatch, arguments)):
        yield (
            "curl ends with 0 when the server answers with an error.",
            "`--fail`, `--fail-with-body`, or print the status with `--write-out`.",
        )
    elif program == "node":
        text = " ".join([*arguments, *statement.documents])
        for pattern in _NODE_GOES_ON:
            if going_on := pattern.search(text):
                yield (
                    f"`{' '.join(going_on[0].split())}` lets the script end with 0 after an error.",
                    "let the error end the script: Node then ends with 1.",
                )
                return
    elif program in ("bash", "sh") and len(arguments) > 1:
        # What a shell of its own runs is a script like any other.
        for text in (*arguments[1:], *statement.documents):
            for error in check(text, Where("")):
                yield error.message, error.hint
    elif program == "find" and ";" in arguments and {"-exec", "-execdir", "-ok"} & set(arguments):
        yield (
            "find ends with 0 whatever the command after `-exec ... \\;` does.",
            "`-exec ... +`, or `-print0 | xargs --null`.",
        )
    elif (ignores := _IGNORES.get(program)) and (
        ignored := next(filter(ignores.fullmatch, arguments), None)
    ):
        yield f"`{program} {ignored}` ends with 0 after a failure.", "leave it out."


def _psql(arguments: Sequence[str], documents: Sequence[str]) -> Iterator[tuple[str, str]]:
    said = "\n".join([*arguments, *documents])
    if going_on := _SQL_GOES_ON.search(said):
        yield f"`{going_on[0]}` lets psql go on after an error.", "leave it out."
        return
    commands = sum(bool(_SQL_COMMAND.fullmatch(word)) for word in arguments)
    files = any(re.match(r"-[a-zA-Z]*f|--file", word) for word in arguments)
    if (commands != 1 or files) and not any(map(_SQL_STOPS.search, arguments)):
        yield (
            "psql goes on after an error and ends with 0.",
            "`psql --set ON_ERROR_STOP=1`",
        )
