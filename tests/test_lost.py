"""Failures that would pass for success, on the page and while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drillbook.errors import Where
from drillbook.inside.shell import Outcome, Shell
from drillbook.model import Options
from drillbook.pages.languages import BASH, CONSOLE
from drillbook.pages.rules import check

PATH = "source/page.md"


def codes(text: str) -> list[tuple[str, int]]:
    """What is wrong with a script, with lines from 1."""
    return [
        (error.code, error.where.line or 0)
        for error in check(BASH, BASH.parse(text, PATH, 1), Options(), Where(PATH, 1))
        if error.where
    ]


@pytest.mark.parametrize(
    "text",
    [
        # what a client needs in order to say that it failed
        "psql --quiet <<'SQL'\nDELETE FROM nowhere;\nSQL",
        "psql -d smartbeak -f change.sql",
        "psql -c 'DELETE FROM nowhere' -c 'SELECT count(*) FROM users'",
        "cat change.sql | psql --quiet",
        "timeout 5 psql < change.sql",
        "psql --set ON_ERROR_STOP=0 -c 'SELECT 1'",
        "psql --set ON_ERROR_STOP=1 <<'SQL'\n\\set ON_ERROR_STOP off\nSELECT 1;\nSQL",
        "psql -v ON_ERROR_STOP=1 <<'SQL'\n\\unset ON_ERROR_STOP\nSELECT 1;\nSQL",
        "ask() { psql --host db-1; }",
        "bash -c 'psql < change.sql'",
        "redis-cli SET key value",
        "redis-cli -h redis-1 --raw GET key",
        "answer=$(redis-cli GET key)",
        "[[ $(redis-cli GET key) == 1 ]]",
        "curl --silent http://api:3001/health",
        "curl -sS -o /dev/null http://api:3001/health",
        "curl -s http://api:3001/health | jq .status",
        "curl --silent --write-out '\\n' --output answer http://api:3001/health",
        "node --unhandled-rejections=warn script.mjs",
        "node script.mjs <<'NODE'\nawait queue.add('x').catch(console.error);\nNODE",
        "node --eval 'queue.add().catch(() => {})'",
        "node --eval 'try { work() } catch (error) { console.log(error) }'",
        "node --eval 'process.on(\"unhandledRejection\", () => {})'",
        "kubectl delete pod api-1 --ignore-not-found",
        "kubectl drain node-1 --ignore-errors=true",
        "find /tmp -name '*.sql' -exec psql -f {} \\;",
        # the shell itself
        "export X=$(failing)",
        "declare -r X=$(failing)",
        'readonly X="$(failing)"',
        "f() { local x=`failing`; }",
        "set +e",
        "set +eu",
        "set +o pipefail",
        "set +o errexit",
        "shopt -uo pipefail",
        "trap - ERR",
        "trap 'true' ERR",
        "trap '' DEBUG ERR",
        "sleep 1 > /tmp/said &\nwait",
        "failing || echo failed",
        "failing || printf '%s\\n' failed",
        "failing || echo failed >&2",
        "failing || { echo failed; }",
        "{ failing; } || echo failed",
        "grep x file || echo none",
    ],
)
def test_what_loses_a_status_is_refused(text: str) -> None:
    assert "lost-status" in {code for code, _ in codes(text)}, codes(text)


@pytest.mark.parametrize(
    "text",
    [
        "psql --version",
        "psql -Atc 'SELECT 1'",
        "psql --dbname smartbeak --command 'SELECT 1'",
        "psql --set ON_ERROR_STOP=1 <<'SQL'\nSELECT 1;\nSQL",
        "psql -v ON_ERROR_STOP=on -f change.sql",
        "psql --set=ON_ERROR_STOP=1 -c 'SELECT 1' -c 'SELECT 2'",
        "redis-cli -e SET key value",
        "redis-cli --version",
        "curl --fail --silent http://api:3001/health",
        "curl -fsS http://api:3001/health",
        "curl --silent --fail-with-body http://api:3001/health",
        "curl -s -o /dev/null -w '%{http_code}' http://api:3001/health",
        "curl --silent --output /dev/null --write-out '%{http_code}\\n' http://api:3001/",
        "curl -sI http://api:3001/",
        "node script.mjs",
        "node --eval 'try { work() } catch (error) { console.log(error); process.exit(1) }'",
        "kubectl get pods",
        "X=$(failing)\nexport X",
        "export X=1",
        "local -r x=$((1 + 1))",
        "set -e",
        "set -o pipefail",
        "trap 'rm --force file' EXIT",
        'sleep 1 > /tmp/said &\nwait "$!"',
        "wait -n",
        "[[ -e file ]] || echo none",
        "(( 1 > 2 )) || echo none",
        "failing || { echo failed; exit 1; }",
        "failing || { echo failed && return 1; }",
        "list | grep x || echo none",
        "find /tmp -exec rm {} +",
    ],
)
def test_what_keeps_a_status_is_taken(text: str) -> None:
    assert codes(text) == []


@pytest.mark.parametrize(
    "text",
    ["sleep 1 &", "(sleep 1; echo late) &", "for x in 1; do echo $x; done &", "echo x 2>f &"],
)
def test_a_job_in_the_background_prints_into_a_file(text: str) -> None:
    assert codes(text) == [("background-output", 1)]
    assert codes(text.removesuffix("&") + "> /tmp/said 2>&1 &") == []


def test_the_message_says_where_and_what_to_do() -> None:
    text = "$ true\n$ redis-cli GET key | grep --quiet 1\n"
    commands = CONSOLE.parse(text, PATH, 7)
    found = list(check(CONSOLE, commands, Options(), Where(PATH, 7)))
    assert [str(error) for error in found] == [
        f"{PATH}:8: lost-status: redis-cli ends with 0 when Redis answers with an error.\n"
        "  hint: `redis-cli -e`"
    ]


# While it runs


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    made = Shell(env={"PATH": "/usr/bin:/bin"}, cwd=str(tmp_path), tmp=str(tmp_path))
    yield made
    made.close()


def typed(shell: Shell, text: str) -> Outcome:
    return shell.run("command", PATH, 7, text, 180, False)


def script(shell: Shell, text: str) -> Outcome:
    return shell.run("script", PATH, 7, text, 180, False)


@pytest.mark.parametrize(
    ("text", "line", "status"),
    [
        ("(exit 3); echo on", 7, 3),
        ("echo one\n(exit 4)\necho two", 8, 4),
        ("for x in 1 2; do (exit 5); echo $x; done", 7, 5),
        ("{ (exit 6); true; }", 7, 6),
        ("x=$(exit 7); echo on", 7, 7),
        ("false | cat; echo on", 7, 1),
        ("nowhere; echo on", 7, 127),
    ],
)
def test_a_failure_before_the_last_command_is_seen(
    shell: Shell, text: str, line: int, status: int
) -> None:
    outcome = typed(shell, text)
    assert (outcome.status, outcome.failed_line) == (0, line)
    assert outcome.lost == f"line {line} ended with status {status}, and the block went on"
    assert typed(shell, "true").lost == ""


@pytest.mark.parametrize(
    "text",
    [
        "if false; then :; fi; echo on",
        "false || echo on",
        "! false",
        "while false; do :; done; echo on",
        "(exit 3); echo $?",
        "(exit 3); [[ $? == 3 ]]",
        "f() { false; true; }; f; echo on",
        "sleep 60 & kill $!",
        "head --lines 1 <(yes)",
        "cat <(echo fine)",
        "mapfile -t x < <(echo fine)",
        "sleep 60 > /dev/null &",
        "(exit 3) & wait $! || echo $?",
    ],
)
def test_a_failure_that_is_asked_for_or_meant_is_none(shell: Shell, text: str) -> None:
    outcome = typed(shell, text)
    assert (outcome.status, outcome.lost) == (0, "")


def test_a_failing_last_command_is_no_lost_one(shell: Shell) -> None:
    assert (typed(shell, "(exit 3)").status, typed(shell, "true").lost) == (3, "")


@pytest.mark.parametrize("run", [typed, script])
@pytest.mark.parametrize(
    "text",
    [
        "mapfile -t x < <(exit 3)",
        "readarray x < <(exit 3)",
        "while read -r x; do :; done < <(exit 3)",
        "cat <(exit 3)",
        "cat <(true) <(exit 3)",
        "f() { mapfile -t x < <(exit 3); }; f",
        "(exit 3) > /dev/null &",
        "true | (exit 3) &",
    ],
)
def test_a_failure_beside_the_shell_is_seen(
    shell: Shell, text: str, run: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(run)
    for patience in ("_JOB_S", "_SUBSTITUTION_S"):
        # Each of these ends by itself, on a busy machine a while later.
        monkeypatch.setattr(f"drillbook.inside.shell.{patience}", 180.0)
    outcome = run(shell, text)
    assert (outcome.status, outcome.lost) == (
        0,
        "what it started beside itself (`<(...)` or `&`) ended with status 3",
    )
    assert run(shell, "true").lost == ""
