"""The prober's journal: what counts as lost, doubled, kept."""

from __future__ import annotations

import pytest

from drillbook.inside import journal
from drillbook.inside.journal import Journal, Losses
from tests.stepping import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock(100.0)
    monkeypatch.setattr(journal, "time", made)
    return made


def written(clock: Clock, *moments: float) -> Journal:
    """A journal with a write confirmed at each of these seconds, numbers from 1."""
    made = Journal()
    made.begin_after(0)
    for moment in moments:
        clock.now = 100.0 + moment
        made.confirm(made.number() or 0, kept=True)
    return made


def test_numbers_begin_after_what_the_table_holds_and_only_the_first_word_counts() -> None:
    made = Journal()
    assert made.number() is None
    made.begin_after(41)
    assert [made.number(), made.number()] == [42, 43]
    made.begin_after(7)
    assert made.number() == 44


def test_nothing_lost_nothing_doubled(clock: Clock) -> None:
    assert written(clock, 0, 1).compare([1, 2], 0.5) == Losses((), 0.0, 0)


def test_lost_covers_the_time_of_the_lost_confirmations_and_one_interval(clock: Clock) -> None:
    made = written(clock, 0, 1, 2, 4, 8)
    assert made.compare([1, 5], 0.5) == Losses((2, 3, 4), 3.5, 0)


def test_a_write_without_confirmation_is_neither_lost_nor_doubled(clock: Clock) -> None:
    made = written(clock, 0)
    assert (made.number(), made.number()) == (2, 3)
    assert made.compare([1, 3, 3], 0.5) == Losses((), 0.0, 0)


def test_what_was_not_confirmed_and_is_there_is_recovered_and_a_stranger_unexpected(
    clock: Clock,
) -> None:
    made = written(clock, 0)
    assert (made.number(), made.number()) == (2, 3)
    assert made.compare([1, 3, 7], 0.5, of_all=True) == Losses((), 0.0, 0, 1, 1)
    assert made.attempted == 3
    # What was there before anybody wrote is nobody's.
    later = Journal()
    later.begin_after(41)
    later.confirm(later.number() or 0)
    assert later.compare([1, 41, 42], 0.5, of_all=True) == Losses((), 0.0, 0, 0, 0)


def test_each_answer_has_its_time_and_a_stale_read_is_counted(clock: Clock) -> None:
    made = Journal()
    made.begin_after(0)
    number = made.number() or 0
    clock.now += 0.75
    made.confirm(number)
    assert made.took == ((100.75, 0.75),)
    assert made.stale == 0
    made.stale_read()
    assert made.stale == 1


def test_doubled_counts_numbers_and_not_copies(clock: Clock) -> None:
    assert written(clock, 0, 1, 2).compare([1, 1, 1, 2, 3, 3], 0.5) == Losses((), 0.0, 2)


def test_longest_is_the_longest_time_between_two_confirmations(clock: Clock) -> None:
    assert written(clock, 0, 1, 4, 5).longest_s == 3.0


def test_newest_leaves_out_what_is_too_young(clock: Clock) -> None:
    made = written(clock, 0, 1, 2)
    assert made.newest() == 3
    assert made.newest(age_s=0.5) == 2
    assert made.newest(age_s=5) is None


def test_the_kept_connection_is_in_trouble_until_a_write_on_it_is_confirmed(clock: Clock) -> None:
    made = Journal()
    assert made.kept_trouble(1.0) == "nothing was written yet"
    made.confirm(1)
    assert made.kept_trouble(1.0) == "nothing was written yet"
    made.confirm(2, kept=True)
    assert made.kept_trouble(1.0) == ""
    made.fail("broken", seen=True, kept=True)
    assert made.kept_trouble(1.0) == "broken"
    made.confirm(3, kept=True)
    clock.now += 1.5
    assert made.kept_trouble(1.0) == "no write was confirmed for 1.5 s"


def test_errors_stand_once_each_in_order_and_only_those_that_clients_see() -> None:
    made = Journal()
    for text, seen in (("b", True), ("deadline", False), ("a", True), ("b", True)):
        made.fail(text, seen=seen)
    assert made.errors == ("b", "a")
