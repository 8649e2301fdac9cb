"""What the shop's stack brings for drills: one fault, one oracle, one prober."""

from drillbook.drills.declarations import Declaration, Oracle, always
from drillbook.drills.hosts import run
from drillbook.drills.kit import Kit
from drillbook.sandboxes.sandbox import Sandbox


def jam(sandbox: Sandbox, host: str) -> None:
    """Takes the right to write the notes from their server."""
    run(sandbox, host, "chmod", "a-w", "/var/lib/notes/notes.txt")


KIT = Kit(
    prober="tiny_prober",
    oracles=[Oracle("saved", "A note is saved.")],
    faults=[
        Declaration(
            "jam", ("HOST",), "The file with the notes cannot be written.",
            "files", always("saved"), jam,
        )
    ],
)  # fmt: skip
