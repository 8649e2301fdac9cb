"""`python -m drillbook.gameday`: what `nox -s gameday` runs."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from drillbook import plan, run
from drillbook.durations import duration
from drillbook.errors import DrillbookError
from drillbook.gameday import day
from drillbook.gameday.timer import Typed

OK, WRONG, INTERRUPTED, USAGE = 0, 1, 2, 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Holds a game day; 0 held, 1 refused with an error, 2 interrupted, 4 usage."""
    options = _parser().parse_args(arguments)
    root = Path.cwd()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with contextlib.closing(run.make_backend(options.backend, root)) as backend:
            folder = day.hold(
                root,
                plan.build(root),
                options.drill,
                backend,
                limit_s=options.limit,
                typed=Typed(sys.stdin.fileno()),
                out=sys.stdout,
            )
    except DrillbookError as error:
        print(error, file=sys.stderr)
        return WRONG
    except KeyboardInterrupt:
        print("interrupted; what was noted is kept", file=sys.stderr)
        return INTERRUPTED
    print(f"\n{folder.relative_to(root)}: timeline and score")
    print(f"the post-mortem: nox -s postmortem -- {folder.name}")
    return OK


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Ends with the status that this project has for usage."""
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: error: {message}\n")
        raise AssertionError


def _limit(text: str) -> float:
    try:
        found = duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if found <= 0:
        raise argparse.ArgumentTypeError("it must be longer than nothing")
    return found


def _parser() -> _Parser:
    parser = _Parser(prog="nox -s gameday --", description="Hold a game day with a drill.")
    parser.add_argument("drill", help="its name, or page#name")
    parser.add_argument("--backend", default="local", help="local or compose")
    parser.add_argument("--limit", type=_limit, help="longest day, at most 60min unless given")
    return parser


if __name__ == "__main__":
    sys.exit(main())
