"""The background client of a drill: writes numbered rows, reads them back, keeps account.

    python3 -m drillbook.drills.prober --config FILE --oracle NAME --nodes HOST,HOST

It stands for the platform's processes and knows nothing of the page. It keeps one
connection as they do, takes its address from the platform's own configuration,
and reads that file only when it connects: an address that a page changes counts
from the next connection on, as for a process that reconnects or is restarted. A
write that fails ends the connection, as it does in a pool that checks what it
hands out.

On standard output it writes one JSON line for each change of state and at least
every half second, `{"event": "state", "held", "at", "acknowledged", "error"}`
with `at` in seconds of CLOCK_MONOTONIC, and after SIGTERM its account.
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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drillbook.drills.journal import Journal
from drillbook.drills.oracles import INSERT, ORACLES, PATIENCE_S, Oracle, Surroundings
from drillbook.drills.session import Session, SessionError, conninfo

VARIABLE = "CONTROL_PLANE_DB"
APPLICATION = "smartbeak-api"
"""Name under which the prober's connections show in pg_stat_activity."""

_LOOK_S = 0.1
_SAY_S = 0.5
_READ_BACK_S = 1.0
_ACCOUNT_S = 5.0
"""Seconds to wait for the table when the account is made up."""

# A little longer than the server's own limit, whose error text is worth having.
_TIMEOUT_S = PATIENCE_S + 0.2
_OPTIONS = f"-c statement_timeout={PATIENCE_S * 1000:.0f}"

_CLAIM = "SELECT pg_is_in_recovery()::text, current_setting('transaction_read_only')"


@dataclass(frozen=True, slots=True)
class State:
    """What a look of the oracle came to."""

    held: bool
    at: float
    """When the look was over, in seconds of CLOCK_MONOTONIC."""

    error: str


@dataclass(slots=True)
class SplitBrain:
    """When two nodes took writes in one look."""

    first: float | None = None
    last: float | None = None
    answers: dict[str, int] = field(default_factory=dict)
    """How often each node answered: who never answered was never watched."""


def read_address(config: Path) -> str:
    """The database address in the platform's configuration.

    Raises:
        SessionError: There is none.
    """
    try:
        lines = config.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SessionError(f"{config}: {error}", seen=False) from error
    for line in reversed(lines):
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and name.strip() == VARIABLE:
            return value.strip().strip("\"'")
    raise SessionError(f"{config} has no {VARIABLE}", seen=False)


class Prober:
    """The threads and what they share.

    Args:
        config: The platform's configuration file.
        oracle: Name of the oracle.
        nodes: Database hosts, the one meant to be primary first; `host` or `host:port`.
        interval_s: Seconds between two writes.
    """

    def __init__(self, config: Path, oracle: str, nodes: Sequence[str], interval_s: float) -> None:
        self.journal = Journal()
        self.split_brain = SplitBrain(answers=dict.fromkeys(nodes, 0))
        self._config = config
        self._nodes = nodes
        self._interval_s = interval_s
        # The nodes stay known even if a page breaks the configuration.
        self._first_address = read_address(config)
        around = Surroundings(self.journal, nodes, self._platform, self._node)
        self._oracle: Oracle = ORACLES[oracle](around)
        self._stop = threading.Event()
        self._states: queue.SimpleQueue[State | BaseException | None] = queue.SimpleQueue()
        self._newest = State(held=False, at=time.monotonic(), error="no look was taken yet")
        self._held_since: float | None = None

    def stop(self) -> None:
        """Ends the run; may be called by a signal handler."""
        self._states.put(None)

    def run(self, say: Callable[[dict[str, Any]], None]) -> None:
        """Works until `stop`, then makes up the account.

        Args:
            say: Takes each event.
        """
        threads = [
            threading.Thread(target=self._guarded, args=(work,), daemon=True)
            for work in (self._write, self._look, self._watch)
        ]
        for thread in threads:
            thread.start()
        said: State | None = None
        while True:
            try:
                event = self._states.get(timeout=_SAY_S)
            except queue.Empty:
                event = self._newest
            if event is None:
                break
            if isinstance(event, BaseException):
                raise event
            said = event
            say(
                {
                    "event": "state", "held": said.held, "at": said.at,
                    "acknowledged": self.journal.acknowledged, "error": said.error,
                }
            )  # fmt: skip
        self._stop.set()
        for thread in threads:
            thread.join(timeout=3 * _TIMEOUT_S)
        say(self._account())

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # a thread that dies quietly would look like peace
            traceback.print_exc()
            self._states.put(error)

    def _platform(self) -> Session:
        address = read_address(self._config)
        return Session(
            conninfo(address, application_name=APPLICATION, options=_OPTIONS), timeout_s=_TIMEOUT_S
        )

    def _node(self, node: str) -> Session:
        host, _, port = node.partition(":")
        address = conninfo(
            self._first_address, host=host, port=port or "5432", target_session_attrs="any",
            application_name=APPLICATION, options=_OPTIONS,
        )  # fmt: skip
        return Session(address, timeout_s=_TIMEOUT_S)

    def _write(self) -> None:
        """Writes over the connection that is kept."""
        session: Session | None = None
        read_back = time.monotonic() + _READ_BACK_S
        while not self._stop.is_set():
            begin = time.monotonic()
            try:
                if session is None:
                    session = self._platform()
                    newest = session.run("SELECT coalesce(max(seq), 0) FROM drillbook.probe")
                    self.journal.begin_after(int(newest[0][0] or 0))
                number = self.journal.number()
                session.run(INSERT, str(number))
                self.journal.confirm(number or 0, kept=True)
                if begin >= read_back:
                    read_back = begin + _READ_BACK_S
                    self._read_back(session)
            except SessionError as error:
                self.journal.fail(error.text, seen=error.seen, kept=True)
                if session is not None:
                    session.close()
                session = None
            self._stop.wait(max(begin + self._interval_s - time.monotonic(), 0))
        if session is not None:
            session.close()

    def _read_back(self, session: Session) -> None:
        number = self.journal.newest()
        query = "SELECT 1 FROM drillbook.probe WHERE seq = $1::bigint"
        if not session.run(query, str(number)):
            text = f"row {number} was confirmed and cannot be read back"
            self.journal.fail(text, seen=False, kept=True)

    def _look(self) -> None:
        """Asks the oracle again and again."""
        while not self._stop.is_set():
            begin = time.monotonic()
            try:
                error = self._oracle.look()
            except SessionError as raised:
                self.journal.fail(raised.text, seen=raised.seen)
                error = raised.text
            state = State(held=not error, at=time.monotonic(), error=error)
            before, self._newest = self._newest, state
            if state.held and not before.held:
                self._held_since = state.at
            if (state.held, state.error) != (before.held, before.error):
                self._states.put(state)
            self._stop.wait(max(begin + _LOOK_S - time.monotonic(), 0))

    def _watch(self) -> None:
        """Looks out for two nodes that take writes at the same time."""
        sessions: dict[str, Session] = {}
        while not self._stop.is_set():
            claims = [node for node in self._nodes if self._is_primary(node, sessions)]
            # The first ones once more, after the last: then they were primaries
            # together and not one after the other.
            if len(claims) > 1 and all(
                self._takes_writes(node, sessions) for node in [*claims, *claims[:-1]]
            ):
                now = time.monotonic()
                self.split_brain.first = self.split_brain.first or now
                self.split_brain.last = now
            self._stop.wait(_LOOK_S)
        for session in sessions.values():
            session.close()

    def _is_primary(self, node: str, sessions: dict[str, Session]) -> bool:
        try:
            if node not in sessions:
                sessions[node] = self._node(node)
            answer = sessions[node].run(_CLAIM)
        except SessionError:
            self._forget(node, sessions)
            return False
        self.split_brain.answers[node] += 1
        return answer == [("false", "off")]

    def _takes_writes(self, node: str, sessions: dict[str, Session]) -> bool:
        """Whether a write works there; it is taken back."""
        try:
            sessions[node].run("BEGIN")
            sessions[node].run(INSERT, "0")
            sessions[node].run("ROLLBACK")
        except SessionError:
            self._forget(node, sessions)
            return False
        return True

    def _forget(self, node: str, sessions: dict[str, Session]) -> None:
        session = sessions.pop(node, None)
        if session is not None:
            session.close()

    def _account(self) -> dict[str, Any]:
        """The last event: what became of the confirmed writes."""
        present = self._present()
        losses = self.journal.compare(present or (), self._interval_s)
        # Nobody can say what is lost of a table that cannot be read.
        counted = present is not None
        held = self._newest.held and counted
        return {
            "event": "account",
            "acknowledged": self.journal.acknowledged,
            "counted": counted,
            "lost": list(losses.lost) if counted else [],
            "lost_s": losses.lost_s if counted else 0.0,
            "doubled": losses.doubled,
            "gap_s": self.journal.longest_s,
            "split_brain": self.split_brain.first is not None,
            "split_brain_at": [self.split_brain.first, self.split_brain.last],
            "watched": self.split_brain.answers,
            "held": held,
            "held_since": self._held_since if held else None,
            "errors": list(self.journal.errors),
        }

    def _present(self) -> list[int] | None:
        """Every row's number at the configured address; None if it cannot be read."""
        deadline = time.monotonic() + _ACCOUNT_S
        while time.monotonic() < deadline:
            try:
                with self._platform() as session:
                    rows = session.run("SELECT seq FROM drillbook.probe")
                return [int(row[0] or 0) for row in rows]
            except SessionError as error:
                self.journal.fail(error.text, seen=error.seen)
                time.sleep(_LOOK_S)
        return None


def main(argv: Sequence[str] | None = None) -> int:
    """Probes until SIGTERM; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="drillbook.drills.prober", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--config", required=True, type=Path, help="the platform's configuration")
    parser.add_argument("--oracle", required=True, choices=sorted(ORACLES))
    parser.add_argument("--nodes", required=True, metavar="HOST,HOST", help="primary first")
    parser.add_argument("--interval", type=float, default=0.02, help="seconds between two writes")
    options = parser.parse_args(argv)
    try:
        prober = Prober(options.config, options.oracle, options.nodes.split(","), options.interval)
    except SessionError as error:
        print(f"prober: {error.text}", file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: prober.stop())
    prober.run(lambda event: print(json.dumps(event), flush=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
