from __future__ import annotations

import re

import pytest

from drillbook.site.mark_examples import ADVICE, LABEL, boxes, example
from drillbook.site.wording import MEANINGS, badge
from drillbook.verification import STATES, State

OTHERS = [state for state in STATES if state != "verified"]


@pytest.mark.parametrize("state", OTHERS)
def test_each_example_is_made_by_the_rules_of_verification(state: State) -> None:
    made = example(state)
    assert made.state == state
    assert made.reason


def test_each_state_but_verified_is_shown_once_and_is_told_what_to_do() -> None:
    frames = re.findall(r"(?s)<fieldset.*?</fieldset>", boxes())
    assert list(ADVICE) == OTHERS
    assert len(frames) == len(OTHERS)
    for state, frame in zip(OTHERS, frames, strict=True):
        assert f"<legend>{LABEL}</legend>" in frame
        assert badge(state) in frame
        assert f'<div class="db-snippet db-is-{state}">' in frame
        assert MEANINGS[state][1:] in frame
        assert ADVICE[state] in frame


def test_no_example_can_be_taken_for_a_result() -> None:
    html = boxes()
    # Nothing links to evidence, expires, is found under a snippet's address, or is
    # counted: the book's cover counts its marks by class and state.
    assert "href=" not in html
    assert "data-until" not in html
    assert 'id="' not in html
    assert 'class="db-mark"' not in html
    assert "data-state" not in html
    assert html.count(LABEL) == html.count("db-snippet")
