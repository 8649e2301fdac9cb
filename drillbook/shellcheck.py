"""ShellCheck on what the pages run, with the pages' own lines.

Run it as `python -m drillbook.shellcheck`.

All shell snippets of a scenario on one host share one bash, so they are checked as
one script: a variable that an earlier block sets is known in a later one.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drillbook import consistency
from drillbook import plan as plans
from drillbook.errors import DrillbookError, HarnessError, Where
from drillbook.findings import Finding
from drillbook.model import Plan, Scenario
from drillbook.pages import languages

EXCLUDED = {
    "SC1090": "a page may source a file whose name is only known on the host",
    "SC1091": "the sourced file is on the host, not here",
    "SC2034": "a context block sets what a reader uses in any branch, and a drill runs one of them",
    "SC2164": "a `cd` that fails ends the block: every command must exit 0",
}
"""Findings that do not fit commands typed on a page, with the reason."""

_UNASSIGNED = "SC2154"
_EVALUATED = re.compile(r"(?<![\w-])eval \"\$\(([^()]*)\)\"")
"""A command whose output sets names; which, the stack says."""

_NAME = re.compile(r"^(\w+) is referenced but not assigned")


@dataclass(frozen=True, slots=True)
class Script:
    """The shell snippets of one scenario on one host, one after the other."""

    lines: tuple[str, ...]
    places: tuple[Where, ...]
    """Where on a page each line stands."""


def scripts(plan: Plan) -> Iterator[Script]:
    """One script for each scenario and host of the plan."""
    for page in plan.pages:
        for scenario in page.scenarios:
            hosts = dict.fromkeys(snippet.on for snippet in scenario.snippets)
            for host in hosts:
                script = _script(scenario, host)
                if script.lines:
                    yield script


def check_script(
    script: Script, program: str, sets: Mapping[str, Sequence[str]]
) -> Iterator[Finding]:
    """The findings in one script, on the pages' lines.

    Args:
        script: The script.
        program: ShellCheck.
        sets: By command, the names that its output sets where it is evaluated.
    """
    evaluated = _EVALUATED.findall("\n".join(script.lines))
    known = {name for command in evaluated for name in sets.get(command, ())}
    arguments = ["--shell=bash", f"--exclude={','.join(EXCLUDED)}", "-"]
    for comment in _shellcheck(program, arguments, "\n".join(script.lines) + "\n"):
        place = script.places[min(comment["line"], len(script.places)) - 1]
        code = f"SC{comment['code']}"
        name = _NAME.match(comment["message"])
        if code == _UNASSIGNED and name and name[1] in known:
            continue
        yield Finding(place.path, place.line, code, comment["message"])


def check_files(files: Sequence[str], program: str) -> Iterator[Finding]:
    """The findings in shell scripts of the project."""
    if files:
        for comment in _shellcheck(program, ["--external-sources", *files], ""):
            code = f"SC{comment['code']}"
            yield Finding(comment["file"], comment["line"], code, comment["message"])


def main(files: Sequence[str]) -> int:
    """Checks the plan's snippets and the given files; 1 if there is a finding, 3 if it broke."""
    try:
        program = find()
        plan = plans.build(Path.cwd())
        found = set(check_files(files, program))
        checked = list(scripts(plan))
        sets = consistency.stack_of(Path.cwd()).sets
        for script in checked:
            found.update(check_script(script, program, sets))
    except DrillbookError as error:
        print(error, file=sys.stderr)
        return 3 if isinstance(error, HarnessError) else 1
    for finding in sorted(found):
        print(finding)
    print(f"shellcheck: {len(checked)} shells of the pages, {len(files)} files")
    return 1 if found else 0


def find() -> str:
    """The program, beside the interpreter or on PATH.

    Raises:
        HarnessError: `missing-tool`.
    """
    beside = Path(sys.executable).with_name("shellcheck")
    program = str(beside) if beside.exists() else shutil.which("shellcheck")
    if program is None:
        raise HarnessError(
            "missing-tool", "shellcheck is not there", hint="run it as `nox -s lint`"
        )
    return program


def _script(scenario: Scenario, host: str) -> Script:
    lines: list[str] = []
    places: list[Where] = []
    for snippet in scenario.snippets:
        if snippet.on != host or not languages.of(snippet).shell or snippet.options.refusal_of:
            continue
        for command in languages.commands(snippet):
            for offset, typed in enumerate(command.text.removesuffix("\n").split("\n")):
                lines.append(typed)
                places.append(Where(snippet.path, command.line + offset))
    return Script(tuple(lines), tuple(places))


def _shellcheck(program: str, arguments: Sequence[str], text: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [program, "--norc", "--format=json1", *arguments],
        input=text,
        capture_output=True,
        text=True,
    )
    if done.returncode not in (0, 1):
        raise HarnessError("shellcheck-broke", f"status {done.returncode}: {done.stderr.strip()}")
    comments: list[dict[str, Any]] = json.loads(done.stdout)["comments"]
    return comments


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
