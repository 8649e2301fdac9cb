from __future__ import annotations

import gc
import io
import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from drillbook.inside.pysnippet import OUTPUT_LIMIT, Interpreter, Outcome, serve
from tests.processes import runs

PAGE = "source/x.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where an interpreter puts its files, to see that nothing stays."""
    return tmp_path_factory.mktemp("python")


@pytest.fixture(scope="module")
def python(folder: Path) -> Iterator[Interpreter]:
    """One interpreter for all tests, since it takes half a second to start."""
    made = Interpreter(tmp=str(folder))
    yield made
    made.close()
    assert made.close() == 0
    assert not list(folder.iterdir())


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder with a short name: black breaks a line that holds a long one."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


def run(python: Interpreter, text: str, **options: Any) -> Outcome:
    return python.run(PAGE, 52, text, options.pop("timeout_s", 180.0), **options)


def passes(python: Interpreter, text: str) -> None:
    outcome = run(python, text)
    assert (outcome.passed, outcome.message, outcome.updated, outcome.ended) == (True, "", "", "")


def fails(python: Interpreter, text: str) -> tuple[str, int]:
    """Message and line of a block that ran to its end and failed."""
    outcome = run(python, text)
    assert (outcome.passed, outcome.ended) == (False, "")
    return outcome.message, outcome.line


def test_prints_are_compared(python: Interpreter) -> None:
    passes(python, 'print("a", 1)\n#> a 1\nfor n in range(2):\n    print(n)\n    #> 0\n    #> 1\n')


def test_a_difference_has_a_diff_with_page_lines_and_the_updated_block(python: Interpreter) -> None:
    outcome = run(python, "x = 1\nprint(x)\n#> 2\ny = 1\n")
    assert outcome.message == (
        "it printed something else:\n"
        "--- source/x.md\n"
        "+++ as it should be\n"
        "@@ line 52 @@\n"
        " x = 1\n"
        " print(x)\n"
        "-#> 2\n"
        "+#> 1\n"
        " y = 1"
    )
    assert (outcome.line, outcome.updated) == (54, "x = 1\nprint(x)\n#> 1\ny = 1\n")
    passes(python, outcome.updated)


@pytest.mark.parametrize(
    ("text", "updated"),
    [
        ("print(1)\n", "print(1)\n#> 1\n"),
        ("print()\n", "print()\n#> \n"),
    ],
)
def test_a_print_without_its_line(python: Interpreter, text: str, updated: str) -> None:
    outcome = run(python, text)
    assert (outcome.passed, outcome.updated) == (False, updated)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1\n#> 1\n", 53),
        ("#> 1\nx = 1\n", 52),
        ("if 0:\n    print(1)\n    #> 1\n", 54),
        ("print(1)\n#> 1\n\n#> 2\n", 55),
        ("def f():\n    print(1)\n    #> 1\n", 54),
    ],
)
def test_a_line_that_nothing_printed(python: Interpreter, text: str, line: int) -> None:
    assert fails(python, text) == (f"source/x.md:{line}: no print wrote this `#>` line", line)


def test_a_line_in_a_text_is_no_output(python: Interpreter) -> None:
    passes(
        python,
        'text = """\n#> 1\n"""\nprint(\n    "a long one",\n    text[1:5],\n)\n#> a long one #> 1\n',
    )


def test_state_is_shared(python: Interpreter) -> None:
    passes(python, "import json\n\nshared = 1\n")
    passes(python, "shared += 1\nprint(json.dumps(shared))\n#> 2\n")


def test_a_function_of_an_earlier_block_prints_for_its_caller(python: Interpreter) -> None:
    passes(python, 'def greet():\n    print("hello")\n')
    outcome = run(python, "greet()\n")
    assert (outcome.passed, outcome.updated) == (False, "greet()\n#> hello\n")
    passes(python, outcome.updated)


def test_a_library_prints_for_its_caller(python: Interpreter, tmp_path: Path) -> None:
    (tmp_path / "chatty.py").write_text('def talk():\n    print("hello")\n')
    text = f'import sys\n\nsys.path.append("{tmp_path}")\n'
    passes(python, text)
    passes(python, "import chatty\n\nchatty.talk()\n#> hello\n")


def test_print_to_another_file_is_not_output(python: Interpreter, tmp_path: Path) -> None:
    file = tmp_path / "out"
    passes(
        python,
        f'name = "{file}"\nwith open(name, "w") as out:\n'
        '    print("a", "b", sep="-", end="|", file=out, flush=True)\n',
    )
    assert file.read_text() == "a-b|"
    outcome = run(python, 'import sys\n\nprint("a", file=sys.stderr)\n')
    assert (outcome.passed, outcome.stdout, outcome.stderr) == (True, "", "a\n")


def test_separators(python: Interpreter) -> None:
    passes(python, 'print("a", "b", sep="-")\n#> a-b\nprint("a", "b", sep=None)\n#> a b\n')


def test_an_end_that_no_line_can_show(python: Interpreter) -> None:
    message, line = fails(python, 'x = 1\nprint("a", end="")\n')
    assert message == "source/x.md:53: print(..., end=''): no `#>` line can show that"
    assert line == 53
    passes(python, 'print("a", end="\\n")\n#> a\n')
    message, line = fails(python, 'try:\n    print("a", end=" ")\nexcept Exception:\n    x = 1\n')
    assert line == 53


@pytest.mark.parametrize(
    "text",
    [
        'import sys\n\nsys.stdout.write("abc\\n")\n',
        'import subprocess\n\nsubprocess.run(["echo", "abc"], check=True)\n',
        'import os\n\nos.write(1, b"abc\\n")\n',
    ],
)
def test_output_past_print_fails(python: Interpreter, text: str) -> None:
    outcome = run(python, text)
    assert (outcome.passed, outcome.stdout) == (False, "abc\n")
    assert outcome.message == "it printed what no `#>` line of its own can show:\n    abc"


def test_output_past_print_is_shown_in_part(python: Interpreter) -> None:
    message, _ = fails(python, 'import os\n\nos.write(1, b"a\\n" * 50)\n')
    assert message.endswith("    a\n(30 more lines)")


def test_standard_error_does_not_fail(python: Interpreter) -> None:
    outcome = run(python, 'import os\n\nos.write(2, b"a\\xff\\n")\n')
    assert (outcome.passed, outcome.stderr, outcome.undecodable) == (True, "a\\xff\n", True)


def test_input_is_closed(python: Interpreter) -> None:
    message, line = fails(python, "input()\n")
    assert message.endswith("EOFError: EOF when reading a line")
    assert line == 52


def test_an_exception_has_page_lines_only(python: Interpreter) -> None:
    message, line = fails(python, "def g():\n    return 1 / 0\n\n\ng()\n")
    assert message == (
        "it raised an exception:\n"
        "Traceback (most recent call last):\n"
        '  File "source/x.md", line 56, in <module>\n'
        "    g()\n"
        '  File "source/x.md", line 53, in g\n'
        "    return 1 / 0\n"
        "ZeroDivisionError: division by zero"
    )
    assert line == 53


def test_an_exception_with_a_cause(python: Interpreter) -> None:
    text = 'try:\n    int("a")\nexcept ValueError as error:\n    raise KeyError("b") from error\n'
    message, line = fails(python, text)
    assert message.endswith(
        "KeyError: 'b'\ncaused by ValueError: invalid literal for int() with base 10: 'a'"
    )
    assert line == 55


def test_what_a_failed_block_defined_is_not_kept_but_the_rest_is(python: Interpreter) -> None:
    passes(python, "kept = 1\n")
    fails(python, "lost = 1\nraise KeyError\n")
    passes(python, 'print(kept, "lost" in globals())\n#> 1 False\n')


def test_text_that_is_not_python(python: Interpreter) -> None:
    assert fails(python, "x = 1\ndef g(:\n") == (
        "it is not Python:\n"
        '  File "source/x.md", line 53\n'
        "    def g(:\n"
        "          ^\n"
        "SyntaxError: invalid syntax",
        53,
    )


def test_formatting_is_checked_and_then_nothing_runs(python: Interpreter, tmp_path: Path) -> None:
    text = f"from pathlib import Path\n\nPath('{tmp_path}/ran').touch()\n"
    message, line = fails(python, text)
    assert message == (
        "black would write it otherwise:\n"
        "--- source/x.md\n"
        "+++ as it should be\n"
        "@@ line 52 @@\n"
        " from pathlib import Path\n"
        " \n"
        f"-Path('{tmp_path}/ran').touch()\n"
        f'+Path("{tmp_path}/ran").touch()'
    )
    assert line == 54
    assert not (tmp_path / "ran").exists()


def test_lint_is_checked_with_page_lines(python: Interpreter) -> None:
    message, line = fails(python, "x = 1\nif x == None:\n    x = 2\n")
    assert message.startswith("ruff failed:\n  source/x.md:53:9: E711 ")
    assert line == 53


def test_lint_knows_no_settings_of_the_folder(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "ruff.toml").write_text('[lint]\nselect = ["D"]\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    made = Interpreter()
    passes(made, "x = 1\n")
    outcome = run(made, "import os\n\nprint(os.getcwd())\n")
    assert outcome.updated.endswith(f"#> {tmp_path}\n")
    made.close()
    assert sorted(os.listdir(tmp_path)) == ["ruff.toml"]


def test_names_may_come_from_or_go_to_other_blocks(python: Interpreter) -> None:
    passes(python, "import string\n")
    passes(python, "print(string.digits)\n#> 0123456789\n")


def test_a_block_is_the_main_program(python: Interpreter) -> None:
    passes(python, "import sys\n\nprint(__name__, len(sys.argv))\n#> __main__ 1\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import sys\n\nsys.exit(3)\n", "it left Python (SystemExit: 3)"),
        ("raise SystemExit\n", "it left Python (SystemExit: )"),
        ("import os\n\nos._exit(0)\n", "it left Python"),
    ],
)
def test_leaving_python(python: Interpreter, text: str, message: str) -> None:
    outcome = run(python, text)
    assert (outcome.passed, outcome.ended, outcome.message) == (False, "exit", message)
    passes(python, "print(1)\n#> 1\n")


def test_a_python_that_is_killed(python: Interpreter) -> None:
    outcome = run(python, "import os\n\nos.kill(os.getpid(), 9)\n")
    assert (outcome.passed, outcome.ended) == (False, "killed")
    assert outcome.message == "its Python was killed by a signal"


def test_timeout_kills_what_the_block_started(python: Interpreter, tmp_path: Path) -> None:
    text = (
        "import subprocess\nimport time\n\n"
        'child = subprocess.Popen(["sleep", "1000"], process_group=0)\n'
        f'name = "{tmp_path}/pid"\n'
        'with open(name, "w") as file:\n    file.write(str(child.pid))\n'
        f'open("{tmp_path}/started", "w").close()\n'
        "time.sleep(1000)\n"
    )
    for limit_s in (1.5, 6.0, 24.0, 96.0):
        outcome = run(python, text, timeout_s=limit_s)
        assert (outcome.passed, outcome.ended) == (False, "timeout")
        if (tmp_path / "started").exists():
            break  # there was time enough to come to where it hangs
    assert outcome.message == "it was still running at its time limit and was killed"
    assert not runs((tmp_path / "pid").read_text())


def test_output_limit(python: Interpreter) -> None:
    text = 'import sys\n\nwhile True:\n    sys.stdout.write("a" * 1000)\n'
    outcome = run(python, text)
    assert (outcome.passed, outcome.ended) == (False, "output-limit")
    assert len(outcome.stdout) == OUTPUT_LIMIT


def test_a_block_longer_than_a_pipe(python: Interpreter) -> None:
    passes(python, 'x = """\n' + "a\n" * 60_000 + '"""\nprint(len(x))\n#> 120001\n')


def test_a_python_without_the_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pytest_examples.py").write_text("raise ImportError('no such tools here')\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[1]}")
    made = Interpreter(tmp=str(tmp_path / "none"))
    (tmp_path / "none").mkdir()
    outcome = run(made, "x = 1\n")
    assert (outcome.passed, outcome.ended) == (False, "exit")
    assert outcome.message == (
        "the Python for blocks did not start: ImportError: no such tools here"
    )
    assert not list((tmp_path / "none").iterdir())


def test_many_blocks_leave_nothing_open(python: Interpreter) -> None:
    passes(python, "x = 1\n")
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        passes(python, "x = 1\n")
    # What other tests left to be collected may have been closed meanwhile.
    assert len(os.listdir("/proc/self/fd")) <= before


def test_requests_and_answers_are_json_lines() -> None:
    request = {"path": PAGE, "line": 52, "text": "print(1)\n#> 1\n", "timeout_s": 180.0}
    outgoing = io.StringIO()
    serve(io.StringIO(json.dumps(request) + "\n"), outgoing)
    (answer,) = map(json.loads, outgoing.getvalue().splitlines())
    assert answer == asdict(Outcome(True, "", 0, "", "", "", False, answer["duration_s"], ""))


def test_as_a_program_and_when_it_is_killed(tmp_path: Path) -> None:
    text = 'import os\n\nos.write(2, str(os.getpid()).encode())\nprint("a")\n#> a\n'
    request = {"path": PAGE, "line": 52, "text": text, "timeout_s": 180.0}
    process = subprocess.Popen(
        [sys.executable, "-m", "drillbook.inside.pysnippet"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert process.stdin and process.stdout
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    answer = json.loads(process.stdout.readline())
    assert answer["passed"]
    worker = os.pidfd_open(int(answer["stderr"]))
    process.kill()
    process.communicate()
    # It dies with its parent, which the kernel arranges; this waits until it has.
    poll = select.poll()
    poll.register(worker, select.POLLIN)
    assert poll.poll(180_000)
    os.close(worker)


def test_blocks_that_are_linted_together_are_told_of_each_at_its_own_line(folder: Path) -> None:
    clean, wrong = "x = 1\n", "x = 1\nprint(x == None)\n#> False\n"
    python = Interpreter(tmp=str(folder))
    try:
        assert run(python, clean, ahead=[clean, wrong, clean]).passed
        message, line = fails(python, wrong)
    finally:
        python.close()
    assert message.startswith("ruff failed:\n  source/x.md:53:12: E711 ")
    assert line == 53


def test_ruff_is_started_once_for_all_the_blocks_that_are_told_of(folder: Path) -> None:
    blocks = [f"x = {number}\n" for number in range(3)]
    started = (
        'from unittest import mock\n\nruff = mock.patch("pytest_examples.lint.Popen").start()\n'
    )
    count = "print(ruff.call_count)\n#> 0\n"
    python = Interpreter(tmp=str(folder))
    try:
        assert run(python, started, ahead=[started, *blocks, count]).passed
        for block in (*blocks, count):
            passes(python, block)
    finally:
        python.close()
