"""`sb triage` and `sb look`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from smartbeak_ops.triage import Found

SUBJECTS = ("postgres", "redis", "rollback", "queues", "payments", "deploy", "security")

_SUBJECT = click.argument("subject", type=click.Choice(SUBJECTS), required=False)
_JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")
_BRANCH = 3


@click.command(short_help="Look, and name the runbook's branch to open.")
@_SUBJECT
@_JSON
@click.option("--check", is_flag=True, help="End with 3 where there is a branch to open.")
@click.pass_context
def triage(ctx: click.Context, subject: str | None, as_json: bool, check: bool) -> None:
    """Look at everything, or at one SUBJECT, and name the branch to open.

    Reads only, and answers within 10 s whatever hangs.
    """
    from smartbeak_ops import triage as finder

    found = finder.triage([subject] if subject else SUBJECTS)
    branch = found.branch
    wrong = branch is not None and branch.severity != "none"
    if as_json:
        click.echo(
            json.dumps(
                {
                    "lines": found.seen.lines,
                    "facts": found.seen.facts,
                    "unseen": found.seen.unseen,
                    "branch": branch.branch if branch else None,
                    "address": finder.address(branch.branch) if branch else None,
                    "also": [row.branch for row in found.rows[1:]],
                },
                indent=2,
                sort_keys=True,
            )
        )
        ctx.exit(_BRANCH if wrong and check else 0)
    for line in found.seen.lines:
        click.echo(line)
    click.echo()
    if branch is None:
        click.echo(_healthy(found))
    else:
        word = "branch" if wrong else "plan"
        level = f"{branch.severity}: " if wrong else ""
        click.echo(f"{word}: {click.style(branch.branch, bold=True)}")
        click.echo(f"  {level}{branch.symptom}\n  {finder.address(branch.branch)}")
        if branch.also:
            click.echo(f"  {branch.also}")
    if len(found.rows) > 1:
        others = ", ".join(row.branch for row in found.rows[1:])
        click.echo(
            f"  seen too: {others}\n  one fault shows as several: look again after the first"
        )
    ctx.exit(_BRANCH if wrong and check else 0)


def _healthy(found: Found) -> str:
    from smartbeak_ops.triage import UNKNOWN

    if found.seen.unseen:
        return (
            f"not told: {', '.join(found.seen.unseen)}; what was seen is well\n"
            f"  {UNKNOWN} says what to keep and whom to call"
        )
    return (
        "nothing is wrong that sb can see\n"
        f"  users say otherwise: {UNKNOWN} says what to keep and whom to call"
    )


@click.command(short_help="Look, without a verdict.")
@_SUBJECT
@_JSON
def look(subject: str | None, as_json: bool) -> None:
    """Look at everything, or at one SUBJECT: the lines that triage decides by."""
    from smartbeak_ops import triage as finder

    seen = finder.look_at([subject] if subject else SUBJECTS)
    if as_json:
        click.echo(json.dumps({"lines": seen.lines, "facts": seen.facts}, indent=2, sort_keys=True))
        return
    for line in seen.lines:
        click.echo(line)
