"""What a stack brings for its drills: its faults, its oracles and its prober.

`x-drillbook.drills` of the stack definition names one module; its `KIT` is all that
the engine takes from it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Mapping

from drillbook.drills import general
from drillbook.drills.declarations import Declaration, Kind, Oracle
from drillbook.errors import HarnessError, Where
from drillbook.sandboxes.stack import COMPOSE_FILE, Stack


class Kit:
    """The faults, oracles and the prober of one stack.

    Args:
        prober: Python module that is run on the prober's host as
            `python3 -m MODULE --oracle NAME --hosts HOST,HOST` (see
            `drillbook.inside.probing`).
        oracles: What it can ask whether users are served.
        faults: The stack's own; those of any stack come with it.
        kinds: What arguments of these may be, beside those of any stack.
    """

    def __init__(
        self,
        prober: str = "",
        oracles: Iterable[Oracle] = (),
        faults: Iterable[Declaration] = (),
        kinds: Iterable[Kind] = (),
    ) -> None:
        self.prober = prober
        self.oracles: Mapping[str, Oracle] = {each.name: each for each in oracles}
        self.faults: Mapping[str, Declaration] = {
            each.name: each for each in (*general.FAULTS, *faults)
        }
        self.kinds: Mapping[str, Kind] = {each.name: each for each in (*general.KINDS, *kinds)}


def load(stack: Stack) -> Kit:
    """The kit of a stack; one with nothing of its own if the stack names none.

    Raises:
        HarnessError: `bad-stack` when the module cannot be imported or has no `KIT`.
    """
    if not stack.drills:
        return Kit()
    for folder in stack.python_path:
        if folder not in sys.path:
            sys.path.append(folder)
    try:
        kit = importlib.import_module(stack.drills).KIT
    except Exception as error:  # whatever breaks in it, the stack is at fault
        raise HarnessError(
            "bad-stack",
            f"x-drillbook.drills: {stack.drills}: {type(error).__name__}: {error}",
            where=Where(COMPOSE_FILE),
            hint="name a module with a `KIT`, and under python-path the folder it stands in",
        ) from error
    if not isinstance(kit, Kit):
        raise HarnessError(
            "bad-stack",
            f"x-drillbook.drills: the KIT of {stack.drills} is a {type(kit).__name__}",
            where=Where(COMPOSE_FILE),
            hint="make it with drillbook.drills.kit.Kit",
        )
    if not stack.prober:
        raise HarnessError(
            "bad-stack",
            "x-drillbook has `drills` and no `prober`",
            where=Where(COMPOSE_FILE),
            hint="name the host on which the prober works",
        )
    return kit
