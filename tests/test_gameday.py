"""A game day: the sheet, the clock and the score, without a stack and on a small real one."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from drillbook.drills.watch import Account
from drillbook.errors import PageError
from drillbook.gameday import __main__ as front
from drillbook.gameday import day, score, sheet
from drillbook.gameday.sheet import Hint
from drillbook.gameday.timer import Timer, Typed
from drillbook.incidents import timeline
from drillbook.model import DrillResult, Plan
from drillbook.sandboxes.local import LocalBackend
from tests import fake_book
from tests.processes import gone, processes_of
from tests.test_interrupts import until
from tests.test_tiny_book import TinyBook

BEGAN = datetime(2026, 11, 26, 3, 12, tzinfo=UTC)


def parts(plan: Plan | None = None) -> Any:
    return day.find(plan or fake_book.plan(), "primary-lost")


# The sheet


def test_players_hear_what_users_see_and_nothing_of_the_fault() -> None:
    page, scenario, drill = parts()
    aloud = sheet.situation("Connection refused", "A row is written.")
    assert aloud == "Users meet: Connection refused.\nThey are served again when: A row is written."
    text = sheet.sheet(page, scenario, drill, aloud)
    players, alone = text.split("FOR YOU ALONE")
    assert "kill db-1" not in players and "guide" not in players
    assert "Fault: kill db-1" in alone
    assert "Branch to be found: guide (Primary lost)" in alone
    assert "Served again within 15 min, people included" in alone
    assert "Writes lost: none; doubled: none" in alone


def test_hints_come_by_time_and_each_says_more() -> None:
    assert [(hint.after_s, hint.text) for hint in sheet.hints(*parts())] == [
        (225, "Look again: `confirm` on ops."),
        (450, "The page is `guide`."),
        (675, "Act with `promote` on ops."),
        (900, "The whole way: `confirm` on ops, then `promote` on ops, then `extra` on ops."),
    ]


def test_a_drill_that_is_not_there_is_said_with_those_that_are() -> None:
    with pytest.raises(PageError) as raised:
        day.find(fake_book.plan(), "primary-found")
    assert str(raised.value) == (
        "no-drill: there is no drill 'primary-found'\n  hint: drills: primary-lost"
    )


def test_a_name_that_two_pages_have_is_not_guessed() -> None:
    plan = fake_book.plan()
    twice = Plan(1, {}, plan.pages * 2)
    with pytest.raises(PageError, match="many-drills: 2 pages have a drill 'primary-lost'"):
        day.find(twice, "primary-lost")


# The clock


class Users:
    """A prober whose users are served as a script says, a second a look.

    Args:
        served: Whether they are, second by second; the last one stays.
    """

    last_error = "Connection refused"

    def __init__(self, served: Sequence[bool]) -> None:
        self.served = served
        self.second = 0

    def until(self, held: bool, *, timeout_s: float) -> bool:
        self.second += 1
        return self.served[min(self.second, len(self.served)) - 1] == held

    def now(self) -> float:
        return float(self.second)


def kept(
    tmp_path: Path, served: Sequence[bool], typed: dict[int, str], **options: Any
) -> tuple[str, list[str], str]:
    """Runs a clock; why it ended, what was noted, what was shown."""
    file = tmp_path / timeline.FILE
    file.write_text(timeline.opened("INC-2026-11-26-001", "P3", "Game day", BEGAN, exercise=True))
    users, out = Users(served), io.StringIO()

    def lines() -> Iterator[str]:
        yield from [typed[users.second]] if users.second in typed else []

    options = {"hints": (), "limit_s": 3600, **options}
    kept = Timer(file, typed=lines, out=out, now=users.now, **options)
    ended = kept.run(users, 0.0)
    found = timeline.read(file)
    assert found.exercise
    return ended, [f"{each.role}: {each.what}" for each in found.entries], out.getvalue()


def test_it_ends_when_users_have_been_served_for_a_while(tmp_path: Path) -> None:
    ended, noted, _ = kept(tmp_path, [False] * 4 + [True], {})
    assert (ended, noted) == ("steady", ["facilitator: users are served, 5 s after the fault"])


def test_a_relapse_begins_the_while_again(tmp_path: Path) -> None:
    served = [False] * 4 + [True] * 30 + [False] * 5 + [True]
    ended, noted, _ = kept(tmp_path, served, {})
    assert ended == "steady"
    assert noted == [
        "facilitator: users are served, 5 s after the fault",
        "facilitator: users are not served again: Connection refused",
        "facilitator: users are served, 40 s after the fault",
    ]


def test_what_is_typed_is_noted_with_its_role_and_end_ends_it(tmp_path: Path) -> None:
    typed = {2: "technical-lead: db-2 promoted", 3: "it got quiet", 4: "", 5: "end"}
    ended, noted, _ = kept(tmp_path, [False], typed)
    assert (ended, noted) == ("ended", ["technical-lead: db-2 promoted", "scribe: it got quiet"])


def test_time_is_up_and_hints_were_offered_once_each(tmp_path: Path) -> None:
    hints = (Hint(30, "Look."), Hint(60, "The page is `guide`."))
    ended, noted, shown = kept(tmp_path, [False], {}, hints=hints, limit_s=120)
    assert (ended, noted) == ("time", [])
    assert shown.splitlines() == [
        "  30 s: you may say, if asked: Look.",
        "  1 min since the fault",
        "  1 min: you may say, if asked: The page is `guide`.",
    ]


def test_lines_are_read_whole_and_an_ended_input_ends_nothing() -> None:
    out, into = os.pipe()
    typed = Typed(out)
    os.write(into, b"scribe: on")
    assert list(typed()) == []
    os.write(into, b"e\nend\nres")
    assert list(typed()) == ["scribe: one", "end"]
    os.close(into)
    assert list(typed()) == list(typed()) == []
    os.close(out)


# The score


def account(**changes: Any) -> Account:
    said: dict[str, Any] = {
        "acknowledged": 40, "lost": (), "lost_s": 0.0, "doubled": 0, "gap_s": 1.0,
        "split_brain": False, "counted": True, "unwatched": (), "held": True,
        "held_since": 700.0, "errors": (),
    }  # fmt: skip
    return Account(**{**said, **changes})


def result(found: Account) -> DrillResult:
    _, scenario, drill = parts()
    return score.scored(scenario, drill, found, 100.0, "2026-11-26T03:12:00Z", "refused")


def test_the_whole_time_counts_for_people_have_been_there() -> None:
    # As a drill, 600 s would be set aside for people, and 600 s of commands be too long.
    assert result(account()).status == "passed"
    assert score.text(result(account())) == (
        "time to recover: 10 min (aimed at 15 min)\nwrites confirmed: 40\n"
        "lost: none (aimed at none)\ndoubled: 0 (aimed at 0)\nobjectives: met\n"
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"held_since": 1100.0}, "objectives: missed: recovery took 1000.0 s"),
        ({"held": False, "held_since": None}, "time to recover: never"),
        ({"lost": (1, 2), "lost_s": 0.5}, "lost: 2 writes in 0.50 s (aimed at none)"),
        ({"doubled": 3}, "objectives: missed: 3 writes are there twice"),
    ],
)
def test_what_was_missed_is_said(changes: dict[str, Any], said: str) -> None:
    assert said in score.text(result(account(**changes)))


# On a real stack


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, local_backend: LocalBackend) -> TinyBook:
    """A book with one small server."""
    return TinyBook(tmp_path_factory.mktemp("gameday") / "book")


def start(book: TinyBook, *arguments: str) -> subprocess.Popen[str]:
    """Begins a game day, as a facilitator does."""
    return subprocess.Popen(
        [sys.executable, "-m", "drillbook.gameday", *arguments], cwd=book.root, text=True,
        env={"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"}, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def told(book: TinyBook) -> str:
    """The newest timeline; empty before there is one."""
    found = sorted(book.root.glob(f"incidents/INC-*/{timeline.FILE}"))
    return found[-1].read_text() if found else ""


def left(book: TinyBook) -> list[str]:
    """What a day must not leave."""
    return [path.name for path in (book.root / "build").glob("gameday-*")]


def test_a_team_repairs_the_stack_through_a_door_and_gets_its_score(tiny: TinyBook) -> None:
    with start(tiny, "jammed", "--limit", "30min") as process:
        until(lambda: "the stack is broken" in told(tiny), process, timeout_s=300)
        assert "fault" not in told(tiny) and "jam" not in told(tiny)
        (door,) = (tiny.root / "build").glob("gameday-*/notes")
        typed = "hostname; chmod u+w /var/lib/notes/notes.txt\n"
        entered = subprocess.run(
            [door], input=typed, capture_output=True, text=True, timeout=300, check=False
        )
        assert entered.stdout == "notes\n", entered
        until(lambda: "users are served," in told(tiny), process)
        assert process.stdin
        process.stdin.write("technical-lead: the file can be written\nend\n")
        process.stdin.flush()
        out, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (0, "")
    aloud, alone = out.split("FOR YOU ALONE")
    assert "Users meet: " in aloud and "jam" not in aloud.split("READ ALOUD")[1]
    assert "Fault: jam notes" in alone
    (folder,) = (tiny.root / "incidents").iterdir()
    found = timeline.read(folder / timeline.FILE)
    assert (found.severity, found.exercise) == ("P3", True)
    assert found.title == "Game day: users are not served (saved)"
    what = [f"{each.role}: {each.what}" for each in found.entries]
    assert what[0].startswith("facilitator: the stack is broken: Users meet: ")
    assert what[1].startswith("facilitator: users are served, ")
    assert what[2:4] == [
        "technical-lead: the file can be written",
        "facilitator: the facilitator ends the day; the fault was `jam notes`",
    ]
    written = (folder / day.SCORE).read_text()
    assert written.startswith("drill: index#jammed\ntime to recover: ")
    assert "lost: none (aimed at none)\ndoubled: 0 (aimed at 0)\nobjectives: met\n" in written
    assert [f"facilitator: {line}" for line in written.splitlines()[1:]] == what[4:]
    assert left(tiny) == []


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupted_day_leaves_its_timeline_and_nothing_else(tiny: TinyBook, name: str) -> None:
    before = len(list((tiny.root / "incidents").glob("INC-*")))
    with start(tiny, "ended") as process:
        until(
            lambda: (
                len(list((tiny.root / "incidents").glob("INC-*"))) > before
                and "the stack is broken" in told(tiny)
            ),
            process,
            timeout_s=300,
        )
        below = processes_of(process.pid)[1:]
        assert below and left(tiny)
        process.send_signal(signal.Signals[name])
        _, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (2, "interrupted; what was noted is kept\n")
    assert gone(below)
    assert left(tiny) == []
    assert told(tiny).endswith("facilitator: interrupted; the fault was `kill notes`\n")
    newest = sorted((tiny.root / "incidents").iterdir())[-1]
    assert [path.name for path in newest.iterdir()] == [timeline.FILE]


def test_a_day_that_cannot_begin_leaves_no_timeline(tiny: TinyBook) -> None:
    before = sorted((tiny.root / "incidents").glob("*"))
    with start(tiny, "jamed") as process:
        _, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (
        1, "no-drill: there is no drill 'jamed'\n  hint: drills: ended, jammed\n"
    )  # fmt: skip
    assert sorted((tiny.root / "incidents").glob("*")) == before


@pytest.mark.parametrize("limit", ["0s", "soon"])
def test_a_limit_that_is_none_is_refused(limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        front.main(["jammed", "--limit", limit])
    assert raised.value.code == 4
    assert "argument --limit: " in capsys.readouterr().err
