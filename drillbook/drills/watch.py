"""The runner's view of the prober: when it said that users are served, and its account."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drillbook.errors import HarnessError
from drillbook.sandboxes.sandbox import Sandbox

_NAME = "prober"
_ACCOUNT_S = 300.0
"""Seconds that making up the account may take: jobs under way are waited for."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The account of one kind of what users do."""

    kind: str
    """What users do, in a word, e.g. `publishing`."""

    acknowledged: int
    lost: int
    doubled: int
    gap_s: float
    """Longest time between two confirmed ones, in seconds."""

    counted: bool
    """Whether it could be found out what is there."""

    asked: tuple[str, ...] = ()
    """Hosts that said what became of it."""

    attempted: int | None = None
    recovered: int | None = None
    """Answered with an error or not at all, and there all the same; None: not known."""

    unexpected: int | None = None
    """There, and never attempted; None: not known."""

    stale: int = 0
    """Reads of something confirmed that was not there or was older."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the prober says at the end of a drill."""

    acknowledged: int
    """Writes and jobs that the platform confirmed."""

    lost: tuple[int, ...]
    """Numbers, each in its kind, of confirmed writes that are no longer there."""

    lost_s: float
    """Span of time that the lost writes cover, in seconds."""

    doubled: int
    """Writes that are there more than once."""

    gap_s: float
    """Longest time between two confirmed writes, in seconds."""

    split_brain: bool
    """Whether two nodes took writes at the same time."""

    counted: bool
    """Whether the rows could be read for the account; else nothing is known of losses."""

    unwatched: tuple[str, ...]
    """Nodes that never answered, on which a split brain could not have been seen."""

    held: bool
    """Whether users were served at the end."""

    held_since: float | None
    """CLOCK_MONOTONIC seconds since which they were."""

    errors: tuple[str, ...]
    """Error texts that clients saw, each once, in order of first sight."""

    kinds: tuple[Kind, ...] = ()
    """The same by kind. Times above are those of the worst kind."""

    took: tuple[tuple[float, float], ...] = ()
    """When answers came, CLOCK_MONOTONIC seconds, and the seconds that each took; of many, the
    slowest of neighbours."""

    @property
    def asked(self) -> tuple[str, ...]:
        """Hosts that said what became of something that was confirmed."""
        return tuple(host for kind in self.kinds if kind.acknowledged for host in kind.asked)


class Watch:
    """A prober at work in a sandbox.

    Args:
        sandbox: Where it works.
        host: The host it works on.
        module: The stack's prober, a Python module.
        oracle: What it takes as being served, by name.
    """

    def __init__(self, sandbox: Sandbox, host: str, module: str, oracle: str) -> None:
        self._host = sandbox.host(host)
        self._oracle = oracle
        self._last: Mapping[str, Any] = {}
        self.account: Account | None = None
        """What the prober said at its end; None before that."""
        argv = ["python3", "-m", module, "--oracle", oracle, "--hosts", ",".join(sandbox.hosts)]
        self._host.request("spawn", timeout_s=60, name=_NAME, argv=argv)

    def until(
        self, held: bool, *, timeout_s: float, acknowledged: int = 0, failed_since: float = 0.0
    ) -> bool:
        """Waits until the prober says that users are (or are not) served.

        Args:
            held: What to wait for.
            timeout_s: Seconds to wait.
            acknowledged: Least number of confirmed writes to wait for as well.
            failed_since: CLOCK_MONOTONIC seconds; a look that began later must have failed.

        Returns:
            Whether it came in time.

        Raises:
            HarnessError: `prober-broke` when the prober has ended.
        """
        deadline = time.monotonic() + timeout_s
        # What was said while nobody listened is over: only the last of it still counts.
        while self._read(0.0):
            pass
        while not self._is(held, acknowledged, failed_since):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._read(min(left, 1.0))
        return True

    def _is(self, held: bool, acknowledged: int, failed_since: float) -> bool:
        last = self._last
        return (
            bool(last)
            and last["held"] == held
            and last["acknowledged"] >= acknowledged
            and last["failed"] >= failed_since
        )

    def _read(self, timeout_s: float) -> bool:
        """Takes the next state that the prober says; whether there was one in time."""
        reply = self._host.request("read", timeout_s=timeout_s, name=_NAME)
        if reply["ended"]:
            self.finish()
        if reply["line"] is None:
            return False
        event = json.loads(reply["line"])
        if event["event"] == "state":
            self._last = event
        return True

    @property
    def last_error(self) -> str:
        """The error text of the newest state, empty when there was none."""
        return str(self._last.get("error", ""))

    def finish(self) -> Account:
        """Ends the prober and takes its account.

        Raises:
            HarnessError: `prober-broke` when it ended without one.
        """
        reply = self._host.request("finish", timeout_s=_ACCOUNT_S, name=_NAME)
        lines = reply["stdout"].strip().splitlines()
        event = json.loads(lines[-1]) if lines else {}
        if event.get("event") != "account":
            raise HarnessError(
                "prober-broke",
                f"the prober ({self._oracle}) ended with status {reply['status']} and no account: "
                f"{reply['stderr'].strip()[-2000:]}",
            )
        self.account = Account(
            acknowledged=event["acknowledged"],
            lost=tuple(event["lost"]),
            lost_s=event["lost_s"],
            doubled=event["doubled"],
            gap_s=event["gap_s"],
            split_brain=event["split_brain"],
            counted=event["counted"],
            unwatched=tuple(node for node, answers in event["watched"].items() if not answers),
            held=event["held"],
            held_since=event["held_since"],
            errors=tuple(event["errors"]),
            kinds=tuple(Kind(**{**kind, "asked": tuple(kind["asked"])}) for kind in event["kinds"]),
            took=tuple((at, took) for at, took in event["took"]),
        )
        return self.account
