"""The Python that runs a page's python blocks, one after the other.

A block is an example of pytest-examples: each `print` must be followed by the
`#> ` lines that it prints, and the text must be as black and ruff would have it.
What one block defines, the next ones have.

Runs as `python3 -m drillbook.inside.pyworker REQUESTS CONTROL FOLDER` under
`drillbook.inside.pysnippet`, which gives it time limits and reads its streams.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import json
import linecache
import os
import re
import subprocess
import sys
import tokenize
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import IO, Any, ClassVar, cast

import pytest
from pytest_examples import CodeExample, EvalExample, run_code
from pytest_examples.lint import black_format
from ruff.__main__ import find_ruff_bin  # type: ignore[import-untyped]

from drillbook.inside.world import die_with_parent

_CONTEXT = 3
_RUFF_TOML = '[lint]\nselect = ["E4", "E7", "E9", "F", "I"]\n'
"""Mistakes, and the order of imports. Named here, since ruff's own choice changes."""

_RUFF = {"RUFF_OUTPUT_FORMAT": "concise", "RUFF_NO_CACHE": "true"}
_print = print


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the worker itself can say of a block."""

    message: str = ""
    """Why it does not pass, with page lines; empty when it does."""

    line: int = 0
    """Page line that is at fault; 0 when none is known."""

    updated: str = ""
    """The block with what it really prints; empty when nothing is to be updated."""

    left: str = ""
    """How it left Python (`SystemExit: 3`); empty when it did not."""


class _Print(run_code.MockPrintFunction):
    """The examples' `print`, which by itself takes `file=` and `end=` for nothing."""

    endings: ClassVar[list[tuple[int, str]]] = []
    """Line in the block and `end=` of each print whose output no `#> ` line can show."""

    lines: ClassVar[set[int]] = set()
    """Lines in the block of all the prints that were called."""

    def __call__(
        self,
        *args: Any,
        sep: str | None = None,
        end: str | None = None,
        file: IO[str] | None = None,
        flush: bool = False,
        **unknown: Any,
    ) -> None:
        if unknown or (file is not None and file is not sys.stdout):
            _print(*args, sep=sep, end=end, file=file, flush=flush, **unknown)
        elif end not in (None, "\n"):
            self.endings.append((self._block_line(), str(end)))
        else:
            super().__call__(*args, sep=" " if sep is None else sep)
            self.lines.add(self.statements[-1].line_no)

    def _block_line(self) -> int:
        frame: FrameType | None = sys._getframe(1)
        while frame and frame.f_code.co_filename != str(self.file):
            frame = frame.f_back
        return frame.f_lineno if frame else 0


class Worker:
    """Runs blocks of one scenario on one host.

    Args:
        folder: An existing folder for the modules it makes of them.
    """

    def __init__(self, folder: Path) -> None:
        self._globals: dict[str, Any] = {}
        self._folder, self._runs = folder, 0
        self._clean: set[str] = set()
        """Blocks in which ruff has found nothing."""

        (folder / "ruff.toml").write_text(_RUFF_TOML)
        # As a fixture gives it to a test, but there is no test run here. Updating is
        # the one of its ways that returns what was printed instead of a finished text.
        request = SimpleNamespace(
            config=SimpleNamespace(getoption=lambda _name: True),
            node=SimpleNamespace(nodeid="page"),
        )
        self._eval = EvalExample(
            tmp_path=folder, pytest_request=cast(pytest.FixtureRequest, request)
        )
        # F401, F821: names may be used in a later block, or come from an earlier one.
        self._eval.set_config(
            target_version="py311",  # type: ignore[arg-type]  # its annotation lags behind
            quotes="double",
            ruff_ignore=["F401", "F821"],
        )
        # A function of an earlier block, or of a library, prints for the line that calls it.
        self._eval.include_print = lambda _file, _frame, _args: True

    def run(self, path: str, line: int, text: str, ahead: Iterable[str] = ()) -> Verdict:
        """Runs one block.

        Args:
            path: The page, relative to the project.
            line: 1-based line of the block's first line in it.
            text: The block.
            ahead: The blocks that will follow, and this one.
        """
        self._lint(ahead)
        padding = "\n" * (line - 1)
        # Tracebacks quote the page's lines from here; no file of that name is on a host.
        linecache.cache[path] = (1, None, (padding + text).splitlines(keepends=True), path)
        try:
            compile(padding + text, path, "exec", dont_inherit=True)
        except SyntaxError as error:
            said = "".join(traceback.format_exception_only(error)).rstrip()
            return Verdict(f"it is not Python:\n{said}", error.lineno or line)
        unformed = self._check_form(path, line, text)
        return unformed or self._check_prints(path, line, text)

    def _check_form(self, path: str, line: int, text: str) -> Verdict | None:
        formed = black_format(text, self._eval.config)
        if formed != text:
            said, at = diff(path, line, text, formed)
            return Verdict(f"black would write it otherwise:\n{said}", at)
        if text in self._clean:
            return None
        try:
            with self._ruff_by_itself():
                self._eval.lint_ruff(_example(path, line, text))
        except pytest.fail.Exception as error:
            said = str(error)
            place = re.search(rf"{re.escape(path)}:(\d+):", said)
            return Verdict(said.rstrip(), int(place[1]) if place else line)
        return None

    def _lint(self, texts: Iterable[str]) -> None:
        """Finds out in one go which blocks are clean: starting ruff is most of what it costs.

        A block in which something is found is looked at again when its turn comes, by
        itself: what is wrong with it is said then.
        """
        blocks = dict(enumerate(dict.fromkeys(texts)))
        if not blocks:
            return
        # Beside the folders of the runs, which are counted from one.
        folder = self._folder / "0"
        folder.mkdir(exist_ok=True)
        files = [folder / f"{number}.py" for number in blocks]
        for file, text in zip(files, blocks.values(), strict=True):
            file.write_text(text)
        options = ("--output-format=json", *self._eval.config.ruff_config())
        with self._ruff_by_itself():
            done = subprocess.run(
                [find_ruff_bin(), "check", *files, *options],
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode in (0, 1):
            wrong = {int(Path(each["filename"]).stem) for each in json.loads(done.stdout)}
            self._clean |= {text for number, text in blocks.items() if number not in wrong}

    @contextlib.contextmanager
    def _ruff_by_itself(self) -> Iterator[None]:
        """Lets ruff see no settings of the folder that a block happens to be in."""
        here = os.open(".", os.O_RDONLY)
        os.environ.update(_RUFF)
        os.chdir(self._folder)
        try:
            yield
        finally:
            os.fchdir(here)
            os.close(here)
            for name in _RUFF:
                del os.environ[name]

    def _check_prints(self, path: str, line: int, text: str) -> Verdict:
        example = _example(path, line, text)
        _Print.endings.clear()
        _Print.lines.clear()
        # A file for each run: by its name a print's line is told from that of a function
        # which an earlier block defined.
        self._runs += 1
        self._eval.tmp_path = self._folder / str(self._runs)
        self._eval.tmp_path.mkdir()
        try:
            self._globals |= self._eval.run_print_update(
                example, module_globals=self._globals, rewrite_assertions=False
            )
        except Exception as error:
            return Verdict(*_told(error, path))
        except BaseException as error:
            return Verdict(left=f"{type(error).__name__}: {error}")
        if _Print.endings:
            at, end = _Print.endings[0]
            at += line - 1
            return Verdict(f"{path}:{at}: print(..., end={end!r}): no `#>` line can show that", at)
        if example.source == text:
            stray = _unprinted(text, _example(path, line, text), _Print.lines)
            if not stray:
                return Verdict()
            at = line + min(stray)
            return Verdict(f"{path}:{at}: no print wrote this `#>` line", at)
        said, at = diff(path, line, text, example.source)
        return Verdict(f"it printed something else:\n{said}", at, example.source)


def _unprinted(text: str, example: CodeExample, printed: Iterable[int]) -> set[int]:
    """0-based lines of the `#> ` that no print has made.

    pytest-examples looks only below the prints that were called.

    Args:
        text: The block, which agrees with what was printed.
        example: The same.
        printed: 1-based lines of the prints that were called.
    """
    comments = {
        token.start[0] - 1
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT and token.line.lstrip().startswith("#>")
    }
    for number in printed:
        at, _ = run_code.find_print_location(example, number)
        while at in comments:
            comments.discard(at)
            at += 1
    return comments


def diff(path: str, line: int, before: str, after: str) -> tuple[str, int]:
    """A unified diff of a block, with page lines, and the first line that differs."""
    old, new = before.splitlines(), after.splitlines()
    lines = [f"--- {path}", "+++ as it should be"]
    first = 0
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        lines.append(f"@@ line {line + group[0][1]} @@")
        for kind, i1, i2, j1, j2 in group:
            if kind == "equal":
                lines += [f" {text}" for text in old[i1:i2]]
                continue
            first = first or line + min(i1, max(len(old) - 1, 0))
            lines += [f"-{text}" for text in old[i1:i2]]
            lines += [f"+{text}" for text in new[j1:j2]]
    return "\n".join(lines), first


def _example(path: str, line: int, text: str) -> CodeExample:
    # Its first line is the fence, one above the text.
    example: CodeExample = CodeExample.create(text, path=Path(path), start_line=line - 1)
    return example


def _told(error: Exception, path: str) -> tuple[str, int]:
    """An exception as Python shows it, without our own frames, and its innermost page line."""
    # Neither format_exception nor extract_tb: the frames that pytest-examples makes
    # for the page have lines, but no columns, and these would look for them.
    stack = traceback.StackSummary.extract(
        (frame, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == path
    )
    last = traceback.format_exception_only(error)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        last.append(f"caused by {''.join(traceback.format_exception_only(cause))}")
    said = "".join(["Traceback (most recent call last):\n" * bool(stack), *stack.format(), *last])
    return f"it raised an exception:\n{said.rstrip()}", (stack[-1].lineno or 0) if stack else 0


def main(arguments: list[str]) -> None:
    """Runs what comes as JSON lines, and answers each on the control descriptor."""
    die_with_parent()
    requests, control, folder = int(arguments[0]), int(arguments[1]), Path(arguments[2])
    for descriptor in (requests, control):
        os.set_inheritable(descriptor, False)
    sys.dont_write_bytecode = True
    sys.argv[1:] = []
    # Its name is looked up when an example begins to run.
    run_code.MockPrintFunction = _Print  # type: ignore[misc]
    worker = Worker(folder)
    os.write(control, b"done\x000\x00{}\x00")
    with os.fdopen(requests) as lines, os.fdopen(control, "wb") as answers:
        for line in lines:
            verdict = worker.run(**json.loads(line))
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            answers.write(b"done\x000\x00" + json.dumps(asdict(verdict)).encode() + b"\x00")
            answers.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
