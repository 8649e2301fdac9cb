"""Scenarios in real sandboxes: what passes, what turns red and at which line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drillbook import control as controls
from drillbook.control import Told
from drillbook.drills.watch import Watch
from drillbook.model import (
    Drill,
    DrillResult,
    Options,
    Page,
    Result,
    Scenario,
    ScenarioKind,
    Snippet,
)
from drillbook.run import play
from drillbook.sandboxes.local import LocalBackend
from tests.conftest import ROOT

STACK = ("ops", "app", "db-1", "db-2")
PAGE = Page("runbooks/x", "source/runbooks/x.md", "oncall", "weekly", "2026-01-01", STACK, ())

Play = Callable[..., tuple[list[Result], DrillResult | None]]


def console(name: str, text: str, line: int = 1, **options: Any) -> Snippet:
    return snippet(name, text, line, "console", **options)


def snippet(name: str, text: str, line: int = 1, language: str = "bash", **options: Any) -> Snippet:
    where = (PAGE.path, line)
    return Snippet(f"runbooks/x#{name}", name, language, *where, text, Options(**options), "digest")


@pytest.fixture
def run(local_backend: LocalBackend, tmp_path: Path) -> Play:
    """Plays snippets and hands back the results and the drill's."""
    # Evidence goes below tmp_path; the stack is the project's.
    (tmp_path / "examples").symlink_to(ROOT / "examples")

    def go(
        *snippets: Snippet,
        fault: str = "",
        rpo_s: float = 0,
        rto_s: float = 3600,
        control: bool = False,
        leave_out: str = "",
        stack: tuple[str, ...] = STACK,
        more: tuple[str, ...] = (),
    ) -> tuple[list[Result], DrillResult | None]:
        drill = None
        if fault:
            drill = Drill("d", fault, rto_s, people_s=30, rpo_s=rpo_s, line=1)
        kind: ScenarioKind = "drill" if drill else "page"
        needed = (*stack, *more)
        scenario = Scenario("runbooks/x#d", kind, "X", snippets, 0, drill, needed)
        found = list(
            play(
                scenario,
                local_backend,
                root=ROOT,
                kept=tmp_path / "build/evidence",
                leave_out=leave_out,
            )
        )
        last = found.pop() if drill else None
        assert last is None or isinstance(last, DrillResult)
        if last and control:
            told = Told(last.status, last.recovered_s)
            done = controls.play(scenario, local_backend, lambda: told, root=ROOT)
            last = controls.joined(last, done)
            controls.record(tmp_path / "build/evidence", last)
        return [result for result in found if isinstance(result, Result)], last

    return go


def statuses(results: list[Result]) -> list[str]:
    return [result.status for result in results]


PROMOTE = console(
    "promote",
    "$ psql -h db-2 -U postgres -Atc 'SELECT pg_promote()' -c CHECKPOINT\nt\nCHECKPOINT\n",
    effect="destructive",
)
REPOINT = snippet(
    "repoint", "sed -i s/@db-1:/@db-2:/ /etc/smartbeak/platform.env\n", effect="write"
)


# Plain snippets


def test_state_passes_from_snippet_to_snippet_and_evidence_is_kept(
    run: Play, tmp_path: Path
) -> None:
    results, _ = run(
        snippet("set", 'WHO=world\ngreet() { echo "hello $1"; }\n'),
        console("use", '$ greet "$WHO"\nhello world\n', line=9),
    )
    assert statuses(results) == ["passed", "passed"]
    kept = json.loads((tmp_path / "build/evidence" / results[1].evidence).read_text())
    assert kept["steps"][0]["stdout"] == "hello world\n"
    assert kept["host"] == "ops"


def test_a_line_that_differs_is_red_at_that_line_and_the_rest_is_not_run(run: Play) -> None:
    results, _ = run(
        console("two", "$ echo one\none\n$ printf 'two\\nthree\\n'\ntwo\nthrice\n", line=20),
        console("after", "$ echo never\nnever\n", line=30),
    )
    assert statuses(results) == ["failed", "not-run"]
    assert results[0].line == 24
    assert "-thrice" in results[0].reason
    assert "+three" in results[0].reason
    assert results[1].reason == "two (source/runbooks/x.md:24) failed"


def test_a_command_that_fails_shows_its_standard_error_and_the_services_logs(
    run: Play, tmp_path: Path
) -> None:
    wrong = "$ psql -h db-1 -U smartbeak -d smartbeak -c 'SELECT * FROM contents'\n"
    results, _ = run(console("table", wrong, line=5))
    assert (results[0].status, results[0].line, results[0].exit_code) == ("failed", 5, 1)
    assert 'relation "contents" does not exist' in results[0].reason
    kept = json.loads((tmp_path / "build/evidence" / results[0].evidence).read_text())
    assert 'relation "contents" does not exist' in kept["more"]["End of the log on db-1"]


def test_a_status_that_is_due_passes_and_another_fails(run: Play) -> None:
    results, _ = run(
        console("due", "$ (exit 4)\n", exit_code=4),
        console("not-due", "$ true\n", line=8, exit_code=4),
    )
    assert statuses(results) == ["passed", "failed"]
    assert results[1].reason.startswith("it ended with status 0, not 4")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("true\nexit 3\ntrue\n", 11, "ended its shell"),
        ("true\nexit 0\n", 11, "ended its shell"),
        ("true\nfalse\ntrue\n", 11, "status 1, not 0"),
        ("false | cat\n", 10, "status 1, not 0"),
        ("echo 'open\n", 10, "unexpected EOF while looking for matching"),
        ("true\nif nosuch; then\n  true\nfi\n", 11, "a command that is not there: nosuch"),
        ("true\nsleep 600\n", 10, "time limit and was killed (2 s)"),
        ("head -c 100000000 /dev/zero\n", 10, "printed"),
        ("printf '\\377\\376'\n", 10, "not UTF-8"),
        ("read -r answer\n", 10, "status 1, not 0"),
    ],
)
def test_a_script_that_goes_wrong_says_how_and_where(
    run: Play, text: str, line: int, said: str
) -> None:
    results, _ = run(
        snippet("wrong", text, line=10, timeout_s=2 if "sleep" in text else 180),
        console("next", "$ true\n"),
    )
    assert statuses(results) == ["failed", "not-run"]
    assert said in results[0].reason
    assert results[0].line == line


def test_a_command_that_is_not_there_is_red_wherever_its_status_goes(run: Play) -> None:
    results, _ = run(console("quiet", '$ echo "[$(nosuch)]"\n[]\n', line=20))
    assert (statuses(results), results[0].line) == (["failed"], 20)
    assert results[0].reason.startswith("it calls a command that is not there: nosuch\n")


ABSENT = [
    ("if nosuch; then true; fi", "nosuch"),
    ("if timeout 3 nosuch; then true; fi", "nosuch"),
    ("if /usr/bin/nosuch; then true; fi", "/usr/bin/nosuch"),
    ("env nosuch || echo no >/dev/null", "nosuch"),
    ("nice nosuch || echo no >/dev/null", "nosuch"),
    ("echo x | xargs nosuch || echo no >/dev/null", "nosuch"),
    ("bash -c nosuch || echo no >/dev/null", "nosuch"),
    ("if nosuch 2>/dev/null; then true; fi", "nosuch"),
    ("if nosuch &>/dev/null; then true; fi", "nosuch"),
    ("if ! nosuch >/dev/null 2>&1; then true; fi", "nosuch"),
    ("if timeout 3 nosuch 2>/dev/null; then true; fi", "nosuch"),
]


@pytest.mark.parametrize(("text", "name"), ABSENT)
def test_not_found_is_no_condition(run: Play, text: str, name: str) -> None:
    results, _ = run(snippet("ask", f"{text}\n", line=7))
    assert statuses(results) == ["failed"]
    assert results[0].reason.startswith(f"it calls a command that is not there: {name}")


def test_not_found_is_no_output_or_status_to_expect(run: Play) -> None:
    said = "source/runbooks/x.md: line 20: nosuch: command not found"
    shown = console("shown", f"$ nosuch || echo no\n{said}\nno\n", line=20, stderr=True)
    results, _ = run(shown)
    assert statuses(results) == ["failed"]
    results, _ = run(console("due", "$ nosuch\n", line=30, exit_code=127))
    assert statuses(results) == ["failed"]
    mistyped = console("host", "$ curl --silent --show-error http://db-9/\n", exit_code=6)
    results, _ = run(mistyped)
    assert results[0].reason == "it names a host that is not there: db-9"


def test_programs_that_are_there_may_be_asked_in_silence(run: Play) -> None:
    text = (
        "mine() { false; }\nif mine 2>/dev/null; then true; fi\n"
        "if ! ls /nowhere 2>/dev/null; then true; fi\n"
        "if [[ -e /nowhere ]]; then true; fi\n"
        "if cat /nowhere/x 2>/dev/null; then true; fi\n"
    )
    results, _ = run(snippet("ask", text), console("after", "$ echo $?\n0\n"))
    assert statuses(results) == ["passed", "passed"]


def test_a_job_in_the_background_lasts_and_ends_with_the_sandbox(run: Play) -> None:
    results, _ = run(
        snippet("start", "sleep 600 > /tmp/log 2>&1 &\nJOB=$!\n"),
        console("look", '$ kill -0 "$JOB" && echo alive\nalive\n'),
    )
    assert statuses(results) == ["passed", "passed"]


def test_a_block_that_may_take_its_time_is_asked_again(run: Play) -> None:
    results, _ = run(
        # Each try adds a line: the third is the first to be right, whenever it is.
        console("wait", "$ echo >> /tmp/tries; wc -l < /tmp/tries\n3\n", eventually_s=180),
        console("never", "$ cat /tmp/tries | wc -l\n2\n", eventually_s=0.3, effect="read"),
    )
    assert statuses(results) == ["passed", "failed"]
    assert results[0].waited_s > 0
    assert results[1].reason.startswith("did not hold within 0.3 s; at the last try: ")


def test_a_skipped_snippet_says_why_and_the_next_one_runs(run: Play) -> None:
    results, _ = run(console("no", "$ false\n", skip="needs AWS"), console("yes", "$ true\n"))
    assert [(r.status, r.reason) for r in results] == [("skipped", "needs AWS"), ("passed", "")]


def test_a_host_that_is_not_there_is_an_error_and_not_a_failure(run: Play) -> None:
    results, _ = run(console("where", "$ true\n", on="db-9"))
    assert results[0].status == "error"
    assert "unknown-host" in results[0].reason


def test_what_a_simulator_does_not_simulate_is_red(run: Play) -> None:
    posts = "https://wordpress/wp-json/wp/v2/posts"
    results, _ = run(
        console("known", f"$ curl --silent {posts}?slug=none\n[]\n"),
        console("own", "$ echo ops\nops\n"),
        snippet("unknown", "curl --silent --output /dev/null https://wordpress/xmlrpc.php\n", 7),
        stack=("ops", "wordpress"),
    )
    assert statuses(results) == ["passed", "passed", "failed"]
    assert [result.simulated for result in results] == [("wordpress",), (), ("wordpress",)]
    assert (results[2].line, results[2].reason) == (
        7,
        "wordpress does not simulate GET /xmlrpc.php",
    )


# Drills


def test_a_drill_that_recovers_is_measured_and_stays_down_without_its_steps(run: Play) -> None:
    # A kill may take a row that the replica had not received yet: that is not what is asked here.
    results, drill = run(
        PROMOTE, REPOINT, fault="kill db-1", rpo_s=3600, control=True
    )  # fmt: skip
    assert statuses(results) == ["passed", "passed"]
    assert drill
    assert (drill.status, drill.reason, drill.control) == ("passed", "", "stayed-down")
    # So many before the fault; how many come after it is the machine's.
    assert drill.acknowledged >= 3
    assert drill.doubled == 0
    assert drill.recovered_s is not None
    assert drill.recovered_s > 0
    assert {"db-1", "db-2"} <= set(drill.hosts_contacted or ())


@pytest.mark.parametrize("left_out", ["promote", "repoint"])
def test_a_drill_without_one_of_its_steps_turns_red(
    run: Play, left_out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drillbook.run._SERVED_S", 3.0)
    _, drill = run(PROMOTE, REPOINT, fault="kill db-1", leave_out=left_out)
    assert drill
    assert drill.status == "failed"
    assert drill.reason.startswith("users were still not served after the last step")


def test_a_fault_in_the_middle_comes_about_once_its_snippet_has_passed(
    run: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drillbook.run._SERVED_S", 3.0)
    look = console("look", "$ pg_isready --quiet --host db-2", on="ops", exit_code=2)
    fault = "kill db-1; after repoint; kill db-2"
    results, drill = run(PROMOTE, REPOINT, look, fault=fault)
    assert statuses(results) == ["passed", "passed", "passed"]
    assert drill
    assert (drill.fault, drill.status) == (fault, "failed")
    assert drill.reason.startswith("users were still not served after the last step")


def test_a_fault_in_the_middle_that_cannot_be_made_is_an_error(run: Play) -> None:
    results, drill = run(PROMOTE, REPOINT, fault="kill db-1; after promote; resume redis-1")
    assert statuses(results) == ["error", "not-run"]
    assert drill
    assert drill.status == "not-run"


def test_acknowledged_rows_that_are_lost_are_counted_against_the_objective(run: Play) -> None:
    fault = "cut db-1-repl; until writes 40; kill db-1"
    _, drill = run(PROMOTE, REPOINT, fault=fault)
    assert drill
    assert drill.status == "failed"
    assert drill.lost > 5
    assert f"{drill.lost} confirmed writes over" in drill.reason
    _, accepted = run(PROMOTE, REPOINT, fault=fault, rpo_s=3600)
    assert accepted
    assert (accepted.status, accepted.lost > 5) == ("passed", True)


def test_two_primaries_at_once_fail_the_drill(run: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    # The old one goes on to take writes meanwhile.
    monkeypatch.setattr("drillbook.run._SERVED_S", 30.0)
    resume = console("resume", "$ true\n", effect="write")
    _, drill = run(PROMOTE, REPOINT, resume, fault="cut db-1-repl")
    assert drill
    assert drill.status == "failed"
    assert "split brain" in drill.reason


def test_recovery_that_takes_longer_than_aimed_at_fails(run: Play) -> None:
    slow = console("slow", "$ sleep 1\n", effect="read")
    _, drill = run(slow, PROMOTE, REPOINT, fault="kill db-1", rto_s=30.5)
    assert drill
    assert drill.status == "failed"
    assert "30 s are set aside for people: more than the 30.5 s aimed at" in drill.reason


def test_a_control_run_that_recovers_proves_nothing_and_fails(run: Play) -> None:
    # These say that they only read, so the control run does them too.
    steps = [console(s.name, s.text, effect="read") for s in (PROMOTE,)]
    steps.append(snippet("repoint", REPOINT.text, effect="read"))
    _, drill = run(*steps, fault="kill db-1", rpo_s=3600, control=True)
    assert drill
    assert (drill.status, drill.control) == ("failed", "recovered")


def test_a_control_run_leaves_out_refusals_too(run: Play) -> None:
    # After the promotion the guard refuses; without it the very same text would promote.
    guarded = (
        "$ [[ $(psql -h db-2 -U postgres -Atc 'SELECT pg_is_in_recovery()') == t ]]"
        " && psql -h db-2 -U postgres -Atc 'SELECT pg_promote()'"
        " && sed -i s/@db-1:/@db-2:/ /etc/smartbeak/platform.env\n"
    )
    refused = console("refused", guarded, exit_code=1, refusal_of="promote")
    _, drill = run(PROMOTE, REPOINT, refused, fault="kill db-1", rpo_s=3600, control=True)
    assert drill
    assert (drill.status, drill.control) == ("passed", "stayed-down")


def test_a_fault_that_nobody_notices_is_an_error(
    run: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine users notice something of their own accord.
    monkeypatch.setattr(Watch, "until", lambda _, held, **__: held)
    results, drill = run(PROMOTE, REPOINT, fault="delay db-1-repl 1ms")
    assert statuses(results) == ["error", "not-run"]
    assert "fault-without-effect" in results[0].reason
    assert drill
    assert drill.status == "error"


def test_a_drill_that_breaks_off_is_not_run_and_says_where(run: Play) -> None:
    wrong = console("wrong", "$ echo yes\nno\n", line=40, effect="read")
    results, drill = run(wrong, PROMOTE, REPOINT, fault="kill db-1")
    assert statuses(results) == ["failed", "not-run", "not-run"]
    assert drill
    assert drill.status == "not-run"
    assert "wrong (source/runbooks/x.md:41) failed" in drill.reason
