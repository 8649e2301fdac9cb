"""One snippet on one host: typed, waited for, compared."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from drillbook.errors import Where
from drillbook.evidence import Step
from drillbook.model import Snippet, Status
from drillbook.pages import languages
from drillbook.pages.console import Command
from drillbook.pages.statements import statements
from drillbook.sandboxes.sandbox import Host, Reply
from drillbook.snippets import absent, compare

Accept = Callable[[Snippet, Command | None, str], bool]
"""Told of a command's output that differs from the page; true takes it as right. For
a Python block there is no command, and the text is the block with its `#>` lines as
they should be."""

_POLL_S = 0.1
_LOOK_S = 5.0


@dataclass(frozen=True, slots=True)
class Played:
    """What came of one snippet."""

    status: Status
    reason: str = ""
    exit_code: int | None = None
    duration_s: float = 0.0
    waited_s: float = 0.0
    line: int = 0
    """Page line that is at fault; 0 when nothing is, or when it is the whole block."""

    steps: tuple[Step, ...] = ()


def play_snippet(host: Host, snippet: Snippet, accept: Accept | None) -> Played:
    """Runs a snippet, again and again where it may take its time (`eventually`)."""
    language = languages.of(snippet)
    player = _PLAYERS[language.way]
    begin = time.monotonic()
    patience = snippet.options.eventually_s
    while True:
        played = player(host, snippet, None if patience else accept)
        if language.shell:
            played = _muted(host, snippet, played)
        waited = time.monotonic() - begin
        gone = any(step.exit_code is None for step in played.steps)
        if played.status == "passed" or gone or waited + _POLL_S > patience:
            break
        time.sleep(_POLL_S)
    if not patience:
        return played
    reason = (
        played.reason and f"did not hold within {patience:g} s; at the last try: {played.reason}"
    )
    return Played(
        played.status,
        reason,
        played.exit_code,
        played.duration_s,
        waited,
        played.line,
        played.steps,
    )


def announce(host: Host, snippets: Iterable[Snippet]) -> None:
    """Tells a host of the Python blocks that will be run on it, which are then linted at once."""
    texts = [each.text for each in snippets if languages.of(each).way == "module"]
    if len(texts) > 1:
        host.request("python_ahead", timeout_s=5, texts=texts)


def _commands(host: Host, snippet: Snippet, accept: Accept | None) -> Played:
    """Each command by itself: its status, and all that it printed."""
    commands = languages.commands(snippet)
    steps: list[Step] = []
    total = 0.0
    for command in commands:
        outcome = host.request(
            "shell",
            timeout_s=snippet.options.timeout_s,
            kind="command",
            path=snippet.path,
            line=command.line,
            text=command.text,
            merge=snippet.options.stderr,
        )
        total += outcome["duration_s"]
        steps.append(_evidence(command.text, command.line, outcome, "\n".join(command.expected)))
        due = snippet.options.exit_code if command is commands[-1] else 0
        reason, line = _ending(outcome, snippet, due), outcome["failed_line"] or command.line
        if not reason:
            difference = compare.compare(
                command.expected, outcome["stdout"], Where(snippet.path, command.expected_line)
            )
            if difference and not (accept and accept(snippet, command, outcome["stdout"])):
                reason, line = f"it printed something else\n{difference.diff}", difference.line
        if reason:
            return Played(
                "failed",
                _told(reason, command.text, outcome),
                outcome["status"],
                total,
                0.0,
                line,
                tuple(steps),
            )
    return Played("passed", "", steps[-1].exit_code, total, steps=tuple(steps))


def _script(host: Host, snippet: Snippet, _accept: Accept | None) -> Played:
    """A script as a whole: each command outside a condition must succeed."""
    outcome = host.request(
        "shell",
        timeout_s=snippet.options.timeout_s,
        kind="script",
        path=snippet.path,
        line=snippet.line,
        text=snippet.text,
        merge=snippet.options.stderr,
    )
    steps = (_evidence(snippet.text, snippet.line, outcome, None),)
    reason = _ending(outcome, snippet, snippet.options.exit_code)
    if not reason:
        return Played("passed", "", outcome["status"], outcome["duration_s"], steps=steps)
    line = outcome["failed_line"] or snippet.line
    if outcome["ended"] == "exit" and not outcome["failed_line"]:
        line += _last_words(snippet.text)
    if outcome["status"] == snippet.options.exit_code and (gone := _absent(outcome, snippet)):
        line = gone[0]
    at = snippet.text.split("\n")[line - snippet.line : line - snippet.line + 1]
    told = _told(reason, at[0].strip() if at else "", outcome)
    return Played("failed", told, outcome["status"], outcome["duration_s"], 0.0, line, steps)


def _last_words(text: str) -> int:
    """0-based line of the one statement that ends a script's shell; 0 if it is not clear which."""
    found = (each for each in statements(text) if not each.nested)
    lines = [each.line for each in found if each.program in ("exit", "exec")]
    return lines[0] if len(lines) == 1 else 0


def _module(host: Host, snippet: Snippet, accept: Accept | None) -> Played:
    """A Python block: what it prints is what its `#>` lines say."""
    outcome = host.request(
        "python",
        timeout_s=snippet.options.timeout_s,
        path=snippet.path,
        line=snippet.line,
        text=snippet.text,
    )
    step = Step(
        command=snippet.text,
        stdout=outcome["stdout"],
        stderr=outcome["stderr"],
        exit_code=None if outcome["ended"] else int(not outcome["passed"]),
        duration_s=outcome["duration_s"],
        line=snippet.line,
    )
    if outcome["passed"]:
        return Played("passed", "", 0, outcome["duration_s"], steps=(step,))
    if outcome["updated"] and accept and accept(snippet, None, outcome["updated"]):
        return Played("passed", "", 0, outcome["duration_s"], steps=(step,))
    line = outcome["line"]
    return Played("failed", outcome["message"], 1, outcome["duration_s"], 0.0, line, (step,))


_PLAYERS: Mapping[languages.Way, Callable[[Host, Snippet, Accept | None], Played]] = {
    "commands": _commands,
    "script": _script,
    "module": _module,
}


def _ending(outcome: Reply, snippet: Snippet, due: int) -> str:
    """Why the way a command ended is not right; empty when it is."""
    if outcome["ended"]:
        limit = f" ({snippet.options.timeout_s:g} s)" if outcome["ended"] == "timeout" else ""
        return f"{outcome['reason']}{limit}"
    if outcome["undecodable"]:
        return "it printed bytes that are not UTF-8"
    if outcome["status"] != due:
        return f"it ended with status {outcome['status']}, not {due}"
    if gone := _absent(outcome, snippet):
        return f"it calls a command that is not there: {gone[1]}"
    if outcome["lost"]:
        return f"a failure is lost: {outcome['lost']}"
    return ""


def _absent(outcome: Reply, snippet: Snippet) -> tuple[int, str] | None:
    """Page line and name of a command that was not found, wherever its status went."""
    merged = outcome["stdout"] if snippet.options.stderr else ""
    return absent.command_in(f"{outcome['stderr']}\n{merged}", snippet)


def _muted(host: Host, snippet: Snippet, played: Played) -> Played:
    """The same, red where a command whose errors go nowhere is not there."""
    texts = [step.command for step in played.steps]
    programs = sorted({name for text in texts for name in absent.muted(text)})
    if played.status != "passed" or not programs:
        return played
    # In the snippets' own shell: it knows their functions. Its `$?` is put back.
    outcome = host.request(
        "shell",
        timeout_s=_LOOK_S,
        kind="command",
        path=snippet.path,
        line=snippet.line,
        text="for REPLY in "
        + " ".join(map(shlex.quote, programs))
        + '; do builtin type "$REPLY" >/dev/null 2>&1 || builtin printf "%s\\n" "$REPLY"; done; '
        + f"unset REPLY; (exit {played.exit_code or 0})",
        merge=False,
    )
    for name in outcome["stdout"].split("\n")[:1]:
        if name:
            reason = f"it calls a command that is not there: {name}"
            return replace(played, status="failed", reason=reason, line=snippet.line)
    return played


def _told(reason: str, command: str, outcome: Reply) -> str:
    """The reason with the command, and with what standard error said."""
    first, _, rest = reason.partition("\n")
    parts = [f"{first}\n    $ " + "\n      ".join(command.splitlines()), rest]
    if outcome["stderr"].strip():
        parts.append(
            "standard error:\n"
            + "\n".join(f"    {line}" for line in outcome["stderr"].splitlines()[-15:])
        )
    parts += [f"a limit was met: {limit}" for limit in outcome["limits"]]
    return "\n".join(part for part in parts if part)


def _evidence(command: str, line: int, outcome: Reply, expected: str | None) -> Step:
    return Step(
        command=command,
        stdout=outcome["stdout"],
        stderr=outcome["stderr"],
        exit_code=None if outcome["ended"] else outcome["status"],
        duration_s=outcome["duration_s"],
        line=line,
        expected=expected,
    )
