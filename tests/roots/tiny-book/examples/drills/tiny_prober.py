"""Writes notes as the till does, and keeps account of them."""

import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from drillbook.inside import probing
from drillbook.inside.account import Count, Work
from drillbook.inside.journal import Journal
from drillbook.inside.trouble import Trouble

URL = "http://notes:8080/"
INTERVAL_S = 0.05


def ask(note: str = "") -> str:
    """Adds a note, or lists them all."""
    token = Path("/run/secrets/token").read_text().strip()
    data = note.encode() or None
    request = urllib.request.Request(URL, data, headers={"Authorization": token})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        raise Trouble(error.read().decode()) from error
    except OSError as error:
        raise Trouble(str(error)) from error


class Notes:
    """What the till does; see `drillbook.inside.account.Client`."""

    kind = "notes"

    def __init__(self) -> None:
        self.journal = Journal()
        self.journal.begin_after(0)

    @property
    def works(self) -> Sequence[Work]:
        """One note after the other."""
        return (self._write,)

    def settle(self) -> float | None:
        """A note is there when it is confirmed."""
        return None

    def count(self) -> Count:
        """Holds what was confirmed against the list."""
        try:
            present = [int(line) for line in ask().split()]
        except Trouble:
            return Count(self.kind, self.journal.acknowledged, self.journal.longest_s, None)
        losses = self.journal.compare(present, INTERVAL_S)
        return Count(self.kind, self.journal.acknowledged, self.journal.longest_s, losses)

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        self.write(kept=False)
        return self.journal.kept_trouble(30.0)

    def write(self, *, kept: bool) -> None:
        """Writes the next note."""
        number = self.journal.number() or 0
        ask(str(number))
        self.journal.confirm(number, kept=kept)

    def _write(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self.write(kept=True)
            except Trouble as error:
                self.journal.fail(error.text, seen=error.seen, kept=True)
            stop.wait(INTERVAL_S)


def main() -> int:
    """Probes until SIGTERM."""
    probing.parser(__doc__, ["saved"]).parse_args()
    notes = Notes()
    return probing.main(lambda: probing.Prober(notes, [notes]))


if __name__ == "__main__":
    sys.exit(main())
