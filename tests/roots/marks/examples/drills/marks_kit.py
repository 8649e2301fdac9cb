"""What the sample's stack brings for drills; nothing of it is ever run."""

from drillbook.drills.declarations import Declaration, Kind, Oracle, always
from drillbook.drills.kit import Kit


def never(*_: object) -> None:
    """Does nothing."""


KIT = Kit(
    prober="marks_prober",
    oracles=[Oracle("writes", "A write is taken."), Oracle("replica", "A replica follows.")],
    faults=[
        Declaration(
            "exhaust", ("HOST",), "Every connection is taken.", "processes", always("writes"), never
        ),
        Declaration("run-sql", ("HOST", "FILE"), "Runs a file.", "data", always("writes"), never),
    ],
    kinds=[Kind("FILE", lambda _: "")],
)
