"""Holds a flow of the book against what the stack was seen to do.

`python3 -m smartbeak.drawn FLOW [--case CASE]... FILE...` reads the arrows that files of
spans show (`smartbeak.arrows`) and compares them with the calls that a flow in `flows/`
draws: those that always happen, and those of the cases that are named. It prints how many
agree, or each difference with the line of the flow's file, and ends with 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from smartbeak import arrows

FOLDER = Path(__file__).parent.parent / "flows"
CALLED = "examples/platform/flows" if FOLDER.parent.name == "platform" else "flows"
"""How messages call it: in the book's repository, or in a checkout of the platform."""


@dataclass(frozen=True)
class Drawn:
    """An arrow that a flow draws."""

    arrow: str
    case: str
    """What must happen for it; empty for always."""

    line: int


def drawn(path: Path) -> tuple[list[Drawn], set[str]]:
    """The arrows of a flow, and its cases.

    Args:
        path: The flow's file.

    Raises:
        OSError: It is not there.
        ValueError: It is no flow.
    """
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ValueError(f"{path.name}: {error}") from error
    if root is None or "steps" not in _fields(root):
        raise ValueError(f"{path.name} has no steps")
    steps = _fields(root)["steps"]
    cases = {fields["case"].value for each in steps.value if "case" in (fields := _fields(each))}
    return list(_arrows(steps, "")), cases


def _arrows(steps: yaml.Node, case: str) -> Iterator[Drawn]:
    for step in steps.value:
        fields = _fields(step)
        if "case" in fields:
            yield from _arrows(fields["steps"], fields["case"].value)
        for arrow in fields["seen"].value if "seen" in fields else ():
            yield Drawn(arrow.value, case, step.start_mark.line + 1)


def _fields(node: yaml.Node) -> dict[str, yaml.Node]:
    return {key.value: value for key, value in node.value}


def differences(expected: Sequence[Drawn], seen: set[str], name: str) -> list[str]:
    """What is drawn and was not seen, then what was seen and is not drawn.

    Args:
        expected: The arrows that must be there, and no others.
        seen: The arrows that were seen.
        name: The flow's file, as messages call it.
    """
    missing = [
        f"{name}:{each.line}: not seen: {each.arrow}" for each in expected if each.arrow not in seen
    ]
    known = {each.arrow for each in expected}
    return missing + [f"{name}: not drawn: {arrow}" for arrow in sorted(seen - known)]


def main(arguments: Sequence[str]) -> int:
    """Compares; 1 for a difference, 2 for a flow, a case or a file that is not there."""
    parser = argparse.ArgumentParser(
        prog="compare-flow", description="See examples/platform/flows."
    )
    parser.add_argument("flow", help="name of the flow's file, without .yaml")
    parser.add_argument("--case", action="append", default=[], help="a case that happened")
    parser.add_argument("files", nargs="+", type=Path, help="spans that processes wrote")
    asked = parser.parse_args(arguments)
    path = FOLDER / f"{asked.flow}.yaml"
    try:
        everything, cases = drawn(path)
        seen: set[str] = set()
        for file in asked.files:
            seen |= arrows.arrows(file.read_text(encoding="utf-8").splitlines())
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if unknown := [case for case in asked.case if case not in cases]:
        parser.error(f"{path.name} has no case {', '.join(unknown)}; it has {', '.join(cases)}")
    expected = [each for each in everything if each.case in ("", *asked.case)]
    found = differences(expected, seen, f"{CALLED}/{path.name}")
    if found:
        print(*found, sep="\n", file=sys.stderr)
        return 1
    print(
        f"{asked.flow}: {len({each.arrow for each in expected})} arrows drawn, all seen, no other"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
