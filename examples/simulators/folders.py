"""Where the files of a simulator are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Folders:
    """The files of one simulator."""

    root: Path
    """`/` on a host; another folder in tests."""

    kind: str
    """What its folders are called, e.g. `target`."""

    @property
    def state(self) -> Path:
        """What it keeps: `/var/lib/<kind>`."""
        return self.root / "var/lib" / self.kind

    @property
    def accepted(self) -> Path:
        """What it accepted, one record a line."""
        return self.state / "accepted.jsonl"

    @property
    def unknown(self) -> Path:
        """The requests for routes that are not simulated, one a line."""
        return self.state / "unknown.jsonl"

    @property
    def plugins(self) -> Path:
        """Programs run when something is saved but not answered."""
        return self.state / "plugins/after-save.d"

    @property
    def log(self) -> Path:
        """A line for each request."""
        return self.root / "var/log" / self.kind / f"{self.kind}.log"

    @property
    def pidfile(self) -> Path:
        """The number of its first process."""
        return self.root / f"run/{self.kind}.pid"

    def secret(self, name: str) -> Path:
        """A password or token of its clients."""
        return self.root / "run/secrets" / name

    def certificate(self, host: str) -> tuple[Path, Path]:
        """The certificate of a host and its key."""
        return self.root / f"run/tls/{host}.crt", self.root / f"run/tls/{host}.key"
