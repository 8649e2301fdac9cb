"""The options a page may give a snippet or a drill, each declared once.

The directives take their names from here, `parse` reads their values, and the
options reference in the book is rendered from the same tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from drillbook.durations import duration
from drillbook.errors import PageError, Where
from drillbook.model import OPERATOR, Options
from drillbook.pages import values


@dataclass(frozen=True, slots=True)
class Option:
    """One option: what a page writes, and how it is read."""

    name: str
    """As a page spells it, without the colons."""

    field: str
    """The attribute it sets (of `model.Options`, of `DrillOptions`, or `name`)."""

    parse: Callable[[str], Any]
    """Reads the value; raises ValueError saying what to write instead."""

    takes: str
    """What the value is, in words; empty for a flag."""

    default: str
    """What holds without it, in words."""

    help: str
    """What it does, in a sentence or two; backquotes mark code."""

    example: str
    """A line as a page would have it."""


NAME_OPTION = Option(
    "name",
    "name",
    values.name_of,
    "name",
    "heading and ordinal",
    "The snippet's name, unique on its page: in results, links and `-k`. Required in a drill.",
    ":name: promote-replica",
)

SNIPPET_OPTIONS: tuple[Option, ...] = (
    NAME_OPTION,
    Option(
        "on",
        "on",
        values.name_of,
        "host",
        "`ops`",
        "Where the snippet is typed: a service of the stack, as that host's service user.",
        ":on: db-2",
    ),
    Option(
        "skip",
        "skip",
        values.words,
        "reason",
        "it is run",
        "The snippet is not run, and the reader is told why. Needs `until`.",
        ":skip: needs the AWS console",
    ),
    Option(
        "until",
        "until",
        values.iso_date,
        "date",
        "",
        "The last day of a `skip`, at most 90 days ahead; after it the build fails.",
        ":until: 2027-01-31",
    ),
    Option(
        "timeout",
        "timeout_s",
        values.positive,
        "duration",
        "`2min`",
        "How long each command may take.",
        ":timeout: 5min",
    ),
    Option(
        "exit-code",
        "exit_code",
        values.status,
        "1 to 255",
        "0",
        "The status the block's last command must end with.",
        ":exit-code: 1",
    ),
    Option(
        "stderr",
        "stderr",
        values.flag,
        "",
        "standard output only",
        "Compare both streams, in the order in which a terminal shows them.",
        ":stderr:",
    ),
    Option(
        "eventually",
        "eventually_s",
        values.positive,
        "duration",
        "one try",
        "Repeat the block until it holds, at most this long; only with `effect` `read`. "
        "The time it took is recorded.",
        ":eventually: 20s",
    ),
    Option(
        "effect",
        "effect",
        values.effect,
        "read, write or destructive",
        "none declared",
        "What the snippet does to the stack, checked against tables of verbs. Required in a drill.",
        ":effect: write",
    ),
    Option(
        "undo",
        "undo",
        values.name_of,
        "name",
        "",
        "The snippet of this page that takes this one back.",
        ":undo: switch-back",
    ),
    Option(
        "irreversible",
        "irreversible",
        values.reason,
        "reason",
        "",
        "Why nothing takes this snippet back. In a drill a snippet that changes "
        "something has this or `undo`.",
        ":irreversible: the old timeline is gone",
    ),
    Option(
        "refusal-of",
        "refusal_of",
        values.name_of,
        "name",
        "",
        "The commands of that snippet are run here, where its guard must refuse them; "
        "only the expected output differs.",
        ":refusal-of: promote-replica",
    ),
    Option(
        "optional",
        "optional",
        values.reason,
        "reason",
        "",
        "Why the drill may pass without this step.",
        ":optional: only frees disk space",
    ),
    Option(
        "needs-fix",
        "needs_fix",
        values.numbers,
        "numbers",
        "",
        "Defects of the platform, by their numbers in `examples/platform/facts.yaml`, that must be "
        "mended for the step to work; the reference platform has them mended. Its mark is then "
        "`simulated` at best.",
        ":needs-fix: 30",
    ),
)
"""Every option of an executable block."""

DRILL_OPTIONS: tuple[Option, ...] = (
    Option(
        "fault",
        "fault",
        values.some_text,
        "fault",
        "required",
        "What is broken before the first snippet runs.",
        ":fault: kill db-1",
    ),
    Option(
        "rto",
        "rto_s",
        values.positive,
        "duration",
        "required",
        "The time within which users must be served again, people included.",
        ":rto: 15min",
    ),
    Option(
        "people",
        "people_s",
        duration,
        "duration",
        "required",
        "How much of `rto` is left to people: noticing, deciding, typing.",
        ":people: 10min",
    ),
    Option(
        "rpo",
        "rpo_s",
        duration,
        "duration",
        "required",
        "The span of acknowledged writes that may be lost.",
        ":rpo: 0s",
    ),
    Option(
        "uses",
        "uses",
        values.names,
        "names",
        "none",
        "Snippets of the same page, outside drills, that run first, in this order.",
        ":uses: context",
    ),
    Option(
        "stack",
        "stack",
        values.names,
        "names",
        "none",
        "Services that this drill needs beside those of the page.",
        ":stack: redis-2, sentinel-1",
    ),
)
"""Every option of the `drill` directive."""


@dataclass(frozen=True, slots=True)
class DrillOptions:
    """What a drill directive says."""

    fault: str
    rto_s: float
    people_s: float
    rpo_s: float
    uses: tuple[str, ...] = ()
    stack: tuple[str, ...] = ()


Locate = Callable[[str], Where]
"""The place of an option, by its name."""


def snippet(
    raw: Mapping[str, str], at: Locate, operator: str = OPERATOR
) -> tuple[str, Options, list[PageError]]:
    """Reads a block's options.

    Args:
        raw: Values by the page's spelling, without the options of a plain code block.
        at: Where an option stands.
        operator: The host of a block that names none.

    Returns:
        The name (empty if none is given), the options, and what is wrong with them;
        an option that is wrong keeps its default.
    """
    given, errors = _read(SNIPPET_OPTIONS, raw, at)
    name = str(given.pop("name", ""))
    return name, Options(**{"on": operator, **given}), errors


def drill(raw: Mapping[str, str], at: Locate) -> tuple[DrillOptions | None, list[PageError]]:
    """Reads a drill's options; None where one is missing or wrong."""
    given, errors = _read(DRILL_OPTIONS, raw, at)
    for option in DRILL_OPTIONS:
        if option.default == "required" and option.name not in raw:
            errors.append(
                PageError(
                    "missing-option",
                    f"The drill has no `{option.name}`.",
                    where=at(option.name),
                    hint=f"{option.help} For example `{option.example}`.",
                )
            )
    if errors:
        return None, errors
    found = DrillOptions(**given)
    if found.people_s >= found.rto_s:
        errors.append(
            PageError(
                "bad-option",
                f"`people` ({raw['people']}) leaves nothing of `rto` ({raw['rto']}) "
                "to the commands.",
                where=at("people"),
                hint="The commands' own time is measured and added to `people`.",
            )
        )
    return found, errors


def _read(
    table: tuple[Option, ...], raw: Mapping[str, str], at: Locate
) -> tuple[dict[str, Any], list[PageError]]:
    known = {option.name: option for option in table}
    given: dict[str, Any] = {}
    errors: list[PageError] = []
    for name, value in raw.items():
        option = known.get(name)
        if option is None:
            errors.append(
                PageError(
                    "unknown-option",
                    f"There is no option `{name}`.",
                    where=at(name),
                    hint=f"The options are {', '.join(known)}.",
                )
            )
            continue
        try:
            given[option.field] = option.parse(value.strip())
        except ValueError as error:
            errors.append(
                PageError(
                    "bad-option",
                    f"`{name}` is {value.strip()!r}: {error}.",
                    where=at(name),
                    hint=f"For example `{option.example}`.",
                )
            )
    return given, errors
