"""ShellCheck's findings stand on the pages' lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from drillbook import shellcheck
from drillbook.model import Options, Page, Plan, Scenario, Snippet


def _plan(*snippets: Snippet) -> Plan:
    scenario = Scenario("guide#page", "page", "Guide", snippets)
    return Plan(1, {}, (Page("guide", "source/guide.md", "sre", "monthly", "", (), (scenario,)),))


def _snippet(
    name: str, line: int, text: str, language: str = "console", on: str = "ops"
) -> Snippet:
    return Snippet(f"guide#{name}", name, language, "source/guide.md", line, text, Options(on=on))


def _found(plan: Plan) -> list[str]:
    program = shellcheck.find()
    found = [f for s in shellcheck.scripts(plan) for f in shellcheck.check_script(s, program, {})]
    return [f"{finding.line} {finding.check}" for finding in sorted(found)]


def test_a_finding_in_a_later_command_stands_on_its_line() -> None:
    text = "$ echo one\none\n$ cat <<'SQL' \\\n    | wc -l\nselect $x\nSQL\n1\n$ ls $1\n"
    assert _found(_plan(_snippet("a", 40, text))) == ["47 SC2086"]


def test_a_script_that_does_not_parse_is_found() -> None:
    found = _found(_plan(_snippet("a", 7, "if true; then\n  echo x\n", "bash")))
    assert found and all(line.split()[0] in ("7", "8") for line in found)


def test_blocks_of_one_host_share_their_variables_and_hosts_do_not() -> None:
    sets = _snippet("a", 10, "$ db=smartbeak\n")
    uses = _snippet("b", 20, '$ echo "$db"\nsmartbeak\n')
    elsewhere = _snippet("c", 30, '$ echo "$db"\nsmartbeak\n', on="db-1")
    assert _found(_plan(sets, uses)) == []
    assert _found(_plan(sets, uses, elsewhere)) == ["30 SC2154"]


def test_output_and_python_are_not_checked() -> None:
    output = _snippet("a", 1, "$ echo x\nif then `\n")
    python = _snippet("b", 9, "print(1)\n", "python")
    assert _found(_plan(output, python)) == []


def test_a_name_that_the_evaluated_output_does_not_set_is_found() -> None:
    text = '$ eval "$(sb hosts)"\n$ echo "$primary"\n$ echo "$primry"\n'
    (script,) = shellcheck.scripts(_plan(_snippet("a", 10, text)))
    sets = {"sb hosts": ("primary",), "sb others": ("primry",)}
    found = list(shellcheck.check_script(script, shellcheck.find(), sets))
    assert [(each.line, each.check) for each in found] == [(12, "SC2154")]
    assert len(list(shellcheck.check_script(script, shellcheck.find(), {}))) == 2


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("ls | wc --lines", "SC2012"),
        ("kill $(cat /run/pid)", "SC2046"),
        ("name=a.b\n$ sed 's/[.]b//' <<< \"$name\"", "SC2001"),
    ],
)
def test_what_a_reader_would_copy_into_a_script_is_checked(command: str, code: str) -> None:
    assert _found(_plan(_snippet("a", 10, f"$ {command}\n")))[0].endswith(code)


def test_files(tmp_path: Path) -> None:
    script = tmp_path / "run"
    script.write_text("#!/usr/bin/env bash\nls $1\n")
    (found,) = shellcheck.check_files([str(script)], shellcheck.find())
    assert (found.line, found.check) == (2, "SC2086")
    assert str(found).startswith(f"{script}:2: SC2086: ")
