"""The background client of a drill, whatever its users do: the threads and the account.

A stack's prober makes an oracle and clients and hands them to `main`. On standard
output comes one JSON line for each change of state and at least every half second,
`{"event": "state", "held", "at", "failed", "acknowledged", "error"}` with `at` in seconds of
CLOCK_MONOTONIC, and after SIGTERM the account. `failed` says when the newest look began that
found users unserved. It knows nothing of the page.
"""

from __future__ import annotations

import argparse
import json
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from drillbook.inside.account import Client, told
from drillbook.inside.journal import Journal
from drillbook.inside.oracle import Oracle
from drillbook.inside.trouble import Trouble

_LOOK_S = 0.1
_SAY_S = 0.5
_FIRST_S, _FIRST = 0.05, 10
"""Until so many writes are confirmed it speaks more often: a drill waits for the first."""

_STEADY_S = 3.0
"""After an outage users are served once no look has failed for so long. One look in between
proves nothing: where all connections are taken, one gets free now and then."""

_LAST_S = 20.0
"""Seconds that a client may take to end what it is at."""


class CannotLook(Exception):
    """The sandbox lacks what an oracle looks at; says what."""


class Twins(Protocol):
    """Looks out for two nodes that take writes at the same time."""

    @property
    def first(self) -> float | None:
        """CLOCK_MONOTONIC seconds at which it was first seen."""
        ...

    @property
    def last(self) -> float | None:
        """The same of the last time."""
        ...

    @property
    def answers(self) -> Mapping[str, int]:
        """How often each node answered: who never answered was never watched."""
        ...

    def watch(self, stop: threading.Event) -> None:
        """Looks until the event is set."""
        ...


@dataclass(frozen=True, slots=True)
class State:
    """What a look of the oracle came to."""

    held: bool
    at: float
    """When the look was over, in seconds of CLOCK_MONOTONIC."""

    error: str

    failed: float = 0.0
    """When the newest look that failed began; 0 if none did."""


class Prober:
    """The threads and what they share.

    Args:
        oracle: Decides whether users are served.
        clients: What users do, accounted for.
        twins: Looks out for a split brain, where there are nodes that can have one.
        outage: Whether the split brain is the outage: the oracle says so itself, and only
            one that is seen after it was content counts beside that.
    """

    def __init__(
        self,
        oracle: Oracle,
        clients: Sequence[Client],
        twins: Twins | None = None,
        *,
        outage: bool = False,
    ) -> None:
        self._oracle = oracle
        self._clients = clients
        self._twins = twins
        self._outage = outage
        self._seen = Journal()
        """Errors that the oracle came across."""
        self._stop = threading.Event()
        self._states: queue.SimpleQueue[State | BaseException | None] = queue.SimpleQueue()
        self._newest = State(held=False, at=time.monotonic(), error="no look was taken yet")
        self._held_since: float | None = None
        self._content_since: float | None = None

    def stop(self) -> None:
        """Ends the run; may be called by a signal handler."""
        self._states.put(None)

    def run(self, say: Callable[[dict[str, Any]], None]) -> None:
        """Works until `stop`, then makes up the account.

        Args:
            say: Takes each event.
        """
        # An oracle may keep in mind what was there before anybody did anything.
        self._look_once()
        works = [work for client in self._clients for work in client.works]
        watches = [self._twins.watch] if self._twins else []
        threads = [
            threading.Thread(target=self._guarded, args=(work,), daemon=True)
            for work in (*works, self._look, *watches)
        ]
        for thread in threads:
            thread.start()
        said: State | None = None
        acknowledged = 0
        while True:
            try:
                event = self._states.get(timeout=_FIRST_S if acknowledged < _FIRST else _SAY_S)
            except queue.Empty:
                event = self._newest
            if event is None:
                break
            if isinstance(event, BaseException):
                raise event
            said = event
            acknowledged = sum(client.journal.acknowledged for client in self._clients)
            say(
                {
                    "event": "state", "held": said.held, "at": said.at, "failed": said.failed,
                    "acknowledged": acknowledged, "error": said.error,
                }
            )  # fmt: skip
        # What is still under way says nothing of when it was asked for the end.
        held, since = self._newest.held, self._held_since
        self._stop.set()
        for thread in threads:
            thread.join(timeout=_LAST_S)
        say(self._account(held, since))

    def _guarded(self, work: Callable[[threading.Event], None]) -> None:
        try:
            work(self._stop)
        except BaseException as error:  # a thread that dies quietly would look like peace
            traceback.print_exc()
            self._states.put(error)

    def _look(self, stop: threading.Event) -> None:
        """Asks the oracle again and again."""
        while not stop.is_set():
            begin = time.monotonic()
            self._look_once()
            stop.wait(max(begin + _LOOK_S - time.monotonic(), 0))

    def _look_once(self) -> None:
        begin = time.monotonic()
        try:
            error = self._oracle.look()
        except Trouble as raised:
            self._seen.fail(raised.text, seen=raised.seen)
            error = raised.text
        now = time.monotonic()
        failed = begin if error else self._newest.failed
        if error:
            self._content_since = None
        elif self._content_since is None:
            self._content_since = now
        if not error and not self._is_steady(now):
            error = f"served again, but not yet for {_STEADY_S:g} s"
        if not error and (unwatched := self._unwatched()):
            error = f"{unwatched} was not looked at yet"
        state, before = State(held=not error, at=now, error=error, failed=failed), self._newest
        if state.held and not before.held:
            self._held_since = self._content_since
        self._newest = state
        if (state.held, state.error) != (before.held, before.error):
            self._states.put(state)

    def _is_steady(self, now: float) -> bool:
        """Whether a look that is content now means that users are served."""
        if self._newest.held or self._held_since is None:
            return True
        return now - (self._content_since or now) >= _STEADY_S

    def _unwatched(self) -> str:
        """A node that never answered; empty once users were served: it may be gone since."""
        if self._twins is None or self._held_since is not None:
            return ""
        return next((node for node, count in self._twins.answers.items() if not count), "")

    def _split(self, since: float | None) -> bool:
        """Whether a split brain was seen that is not the outage itself."""
        last = self._twins.last if self._twins else None
        if last is None:
            return False
        return not (self._outage and since is not None and last < since)

    def _account(self, held: bool, since: float | None) -> dict[str, Any]:
        """The last event: what became of all that was confirmed.

        Args:
            held: Whether users were served when the end was asked for.
            since: Since when, in seconds of CLOCK_MONOTONIC.
        """
        twins = self._twins
        # What users waited for too long counts as time that they were not served.
        late = [moment for client in self._clients if (moment := client.settle()) is not None]
        account = told([client.count() for client in self._clients])
        # Nobody can say what is lost of what cannot be read.
        held = held and account["counted"]
        since = max([since or 0.0, *late]) if held else None
        errors = [*self._seen.errors, *(e for c in self._clients for e in c.journal.errors)]
        return {
            "event": "account",
            **account,
            "split_brain": self._split(since),
            "split_brain_at": [twins.first, twins.last] if twins else [None, None],
            "watched": dict(twins.answers) if twins else {},
            "held": held,
            "held_since": since,
            "errors": list(dict.fromkeys(errors)),
        }


def parser(about: str, oracles: Iterable[str]) -> argparse.ArgumentParser:
    """The command line of a prober, as the runner uses it.

    Args:
        about: The prober's docstring; the first line is shown.
        oracles: Names of the oracles that it can ask.
    """
    made = argparse.ArgumentParser(description=about.partition("\n")[0])
    made.add_argument("--oracle", required=True, choices=sorted(oracles))
    made.add_argument(
        "--hosts", default=(), type=_hosts, metavar="HOST,HOST", help="all that are there"
    )
    return made


def _hosts(text: str) -> tuple[str, ...]:
    return tuple(host for host in text.split(",") if host)


def main(make: Callable[[], Prober]) -> int:
    """Probes until SIGTERM; returns the exit status.

    Args:
        make: Makes the prober; may raise `Trouble` or `CannotLook`.
    """
    try:
        prober = make()
    except (Trouble, CannotLook) as error:
        print(f"prober: {error}", file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: prober.stop())
    prober.run(lambda event: print(json.dumps(event), flush=True))
    return 0
