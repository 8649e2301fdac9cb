"""What a drill's own run came to, for its control run in another process of the session."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from drillbook import digests, files
from drillbook.control import Told
from drillbook.model import DrillResult


class Exchange:
    """A folder with a file for each drill that is over.

    Args:
        folder: The session's, see `begun`; made when there is something to say.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def tell(self, drill: DrillResult) -> None:
        """Says that a drill's own run is over."""
        files.replace(self._file(drill.id), json.dumps([drill.status, drill.recovered_s]))

    def told(self, drill: str) -> Told | None:
        """What the drill's own run came to; None while it is not over."""
        try:
            return Told(*json.loads(self._file(drill).read_text()))
        except FileNotFoundError:
            return None

    def close(self) -> None:
        """Removes the folder; for the process that began the session."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, drill: str) -> Path:
        return self.folder / f"{digests.of_bytes(drill.encode())}.json"


def begun(build: Path) -> Exchange:
    """The exchange of a session that this process begins."""
    sessions = build / "sessions"
    for folder in sessions.glob("[0-9]*"):
        if not Path("/proc", folder.name).exists():  # its session was killed
            shutil.rmtree(folder, ignore_errors=True)
    exchange = Exchange(sessions / str(os.getpid()))
    exchange.close()
    return exchange
