"""The options of snippets and drills: one table, read strictly, shown whole."""

from __future__ import annotations

from dataclasses import fields

import pytest

from drillbook.durations import duration
from drillbook.errors import Where
from drillbook.model import Options
from drillbook.pages import options
from drillbook.pages.options import DRILL_OPTIONS, SNIPPET_OPTIONS, DrillOptions

PLACES = {"rto": 7}


def at(name: str) -> Where:
    return Where("source/x.md", PLACES.get(name, 5))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0.0), ("30s", 30.0), ("250ms", 0.25), ("1.5s", 1.5), ("15min", 900.0), ("1h", 3600.0)],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "30 s", "s", "-1s", "1d", "1h30min", "1e3s"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="write a number and a unit"):
        duration(text)


def test_every_option_of_the_model_can_be_written_exactly_once() -> None:
    written = [option.field for option in SNIPPET_OPTIONS if option.name != "name"]
    assert sorted(written) == sorted(field.name for field in fields(Options))
    written = [option.field for option in DRILL_OPTIONS]
    assert sorted(written) == sorted(field.name for field in fields(DrillOptions))


@pytest.mark.parametrize("option", [*SNIPPET_OPTIONS, *DRILL_OPTIONS])
def test_every_example_is_what_a_page_may_write(option: options.Option) -> None:
    name, _, value = option.example.removeprefix(":").partition(":")
    assert name == option.name
    option.parse(value.strip())
    assert option.help.endswith(".")


def test_the_defaults_that_are_shown_are_the_models() -> None:
    shown = {option.name: option.default.strip("`") for option in SNIPPET_OPTIONS}
    assert shown["on"] == Options().on
    assert duration(shown["timeout"]) == Options().timeout_s
    assert int(shown["exit-code"]) == Options().exit_code


def test_all_options_are_read() -> None:
    name, found, errors = options.snippet(
        {
            "name": "promote",
            "on": "db-2",
            "skip": "no  server",
            "until": "2027-01-31",
            "timeout": "2min",
            "exit-code": "3",
            "stderr": "",
            "eventually": "20s",
            "effect": "write",
            "undo": "demote",
            "irreversible": "new timeline",
            "refusal-of": "other",
            "optional": "only tidies up",
        },
        at,
    )
    assert errors == []
    assert name == "promote"
    assert found == Options(
        on="db-2",
        skip="no server",
        until="2027-01-31",
        timeout_s=120.0,
        exit_code=3,
        stderr=True,
        eventually_s=20.0,
        effect="write",
        undo="demote",
        irreversible="new timeline",
        refusal_of="other",
        optional="only tidies up",
    )


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("name", "Promote It", "write lower-case letters, digits and single hyphens"),
        ("name", "a--b", "write lower-case letters"),
        ("on", "", "write lower-case letters"),
        ("until", "31.1.2027", "write a date as YYYY-MM-DD"),
        ("until", "2027-02-30", "write a date as YYYY-MM-DD"),
        ("timeout", "0s", "must be longer than 0"),
        ("exit-code", "0", "write a status from 1 to 255"),
        ("exit-code", "256", "write a status from 1 to 255"),
        ("exit-code", "127", "a command that is not found"),
        ("exit-code", "126", "a command that is not found"),
        ("exit-code", "-1", "write a status from 1 to 255"),
        ("stderr", "yes", "takes no value"),
        ("effect", "mutate", "write read, write or destructive"),
        ("irreversible", "", "say why, in a few words"),
        ("optional", "", "say why, in a few words"),
    ],
)
def test_a_wrong_value_is_refused_and_keeps_the_default(name: str, value: str, advice: str) -> None:
    _, found, (error,) = options.snippet({name: value}, at)
    assert found == Options()
    example = next(option.example for option in SNIPPET_OPTIONS if option.name == name)
    assert str(error).startswith(f"source/x.md:5: bad-option: `{name}` is {value!r}: {advice}")
    assert error.hint == f"For example `{example}`."


DRILL = {"fault": "kill db-1", "rto": "15min", "people": "10min", "rpo": "0s"}


def test_a_drill_is_read() -> None:
    found, errors = options.drill(DRILL | {"uses": "context, evidence"}, at)
    assert errors == []
    assert found == DrillOptions("kill db-1", 900.0, 600.0, 0.0, ("context", "evidence"))


@pytest.mark.parametrize("name", list(DRILL))
def test_a_drill_without_an_objective_is_refused(name: str) -> None:
    found, (error,) = options.drill({key: DRILL[key] for key in DRILL if key != name}, at)
    assert found is None
    assert (error.code, error.message) == ("missing-option", f"The drill has no `{name}`.")


def test_people_leave_time_to_the_commands() -> None:
    _, (error,) = options.drill(DRILL | {"people": "15min"}, at)
    assert str(error) == (
        "source/x.md:5: bad-option: `people` (15min) leaves nothing of `rto` (15min) to the "
        "commands.\n  hint: The commands' own time is measured and added to `people`."
    )


def test_an_unknown_drill_option_is_refused() -> None:
    _, (error,) = options.drill(DRILL | {"rot": "1h"}, at)
    assert str(error) == (
        "source/x.md:5: unknown-option: There is no option `rot`.\n"
        "  hint: The options are fault, rto, people, rpo, uses, stack."
    )


def test_an_error_stands_at_its_own_option() -> None:
    _, (error,) = options.drill(DRILL | {"rto": "soon"}, at)
    assert error.where == Where("source/x.md", 7)
