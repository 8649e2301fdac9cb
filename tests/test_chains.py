"""Chains of `&&` whose failure a script does not see, held against bash itself."""

from __future__ import annotations

import subprocess

import pytest

from drillbook.errors import Where
from drillbook.pages import lost

FAILS = "false && true"

LOST = [
    f"{FAILS}\necho after",
    f"{FAILS}; echo after",
    "false &&\n  true\necho after",
    "true && false && true\necho after",
    f"{{ {FAILS}; }}\necho after",
    f"if true; then {FAILS}; fi\necho after",
    f"if true; then\n  {FAILS}\nelse\n  true\nfi\necho after",
    f"if false; then true; else {FAILS}; fi; echo after",
    f"for each in 1 2; do {FAILS}; done; echo after",
    f"case a in a) {FAILS} ;; b) true ;; esac\necho after",
    "false && { true; true; }\necho after",
    "false && (cd /; true)\necho after",
    "false && if true; then true; fi\necho after",
    "false && true | cat\necho after",
    f"asks() {{\n  {FAILS}\n  echo after\n}}\nasks",
    f"{{ {FAILS}; }} && true\necho after",
    "false && true <<'END'\ntext\nEND\necho after",
]
SEEN = [
    f"{FAILS}",
    "true\nfalse &&\n  true",
    f"( {FAILS} )\necho after",
    f"asks() {{ {FAILS}; }}\nasks\necho after",
    f"asks() ( {FAILS} )\nasks\necho after",
    f"asks() {{\n  [[ -n a ]] || return 1\n  {FAILS}\n}}\nasks\necho after",
    f"value=$({FAILS})\necho after",
    f"{FAILS} || exit 1\necho after",
    f"{{ {FAILS}; }} || exit 1\necho after",
    f"if true; then {FAILS}; else echo after; fi",
    f"case a in a) {FAILS} ;; b) echo after ;; esac",
    f"{FAILS} <<'END'\ntext\nEND",
]


def _lines(text: str) -> list[int]:
    found = lost.check(text, Where("source/x.md", 1))
    return [error.where.line or 0 for error in found if error.where and "loses" in error.message]


def _goes_on(text: str) -> bool:
    script = f"set -eE -o pipefail\n{text}\n"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=300)
    return "after" in done.stdout or done.returncode == 0


@pytest.mark.parametrize("text", LOST)
def test_a_failure_that_a_script_does_not_see_is_refused(text: str) -> None:
    assert _goes_on(text)
    assert _lines(text)


@pytest.mark.parametrize("text", SEEN)
def test_a_failure_that_a_script_sees_is_none(text: str) -> None:
    assert not _goes_on(text)
    assert _lines(text) == []


@pytest.mark.parametrize(
    "text",
    [
        # The status is what is asked for, whatever it is.
        f"if {FAILS}; then true; fi\ntrue",
        f"while {FAILS}; do true; done\ntrue",
        "[[ -e /nothing ]] && true\ntrue",
        "test -e /nothing && true\ntrue",
    ],
)
def test_a_question_is_no_failure(text: str) -> None:
    assert _lines(text) == []


def test_the_message_names_the_line_and_what_to_do() -> None:
    (error,) = lost.check("true\nls /a && ls /b\ntrue", Where("source/x.md", 10))
    assert str(error) == (
        "source/x.md:11: lost-status: `ls ... &&` loses its failure: what follows the chain is "
        "run all the same.\n"
        "  hint: let the chain end the block, give each command a line of its own, or ask with "
        "`if`."
    )
