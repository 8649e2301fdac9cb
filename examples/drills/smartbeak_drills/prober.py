"""The background client of a drill: does what users do, and keeps account of it.

    python3 -m smartbeak_drills.prober --oracle NAME [--hosts HOST,HOST]
                                       [--config FILE] [--nodes HOST,HOST]

It stands for the platform's users, and where there is no platform for its processes,
and knows nothing of the page. With a host `api` it writes content and orders
publishing jobs there as users do (see `smartbeak_drills.users`); for the faults of
databases, or without that host, it writes numbered rows (`smartbeak_drills.rows`).

For its own rows it takes the address from the platform's configuration, and reads
that file only when it connects: an address that a page changes counts from the next
connection on, as for a process that reconnects or is restarted. A write that fails
ends the connection, as it does in a pool that checks what it hands out.

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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drillbook.inside.account import Client, told
from drillbook.inside.journal import Journal
from drillbook.inside.trouble import Trouble
from smartbeak_drills import settings
from smartbeak_drills.oracles import names, table
from smartbeak_drills.oracles.base import PATIENCE_S, Surroundings
from smartbeak_drills.places import API, API_URL, CONFIG, DATABASES, KEY, TARGETS
from smartbeak_drills.resp import Redis
from smartbeak_drills.rows import Rows
from smartbeak_drills.session import Session, conninfo
from smartbeak_drills.settings import read_address
from smartbeak_drills.splitbrain import SplitBrain
from smartbeak_drills.users import content, publishing, readers
from smartbeak_drills.users.leavers import Leaver
from smartbeak_drills.users.platform import Platform
from smartbeak_drills.users.roster import Roster, members

APPLICATION = "drillbook-probe"
"""Name under which the prober's connections show in pg_stat_activity."""

_LOOK_S = 0.1
_SAY_S = 0.5
_FIRST_S, _FIRST = 0.05, 10
"""Until so many writes are confirmed it speaks more often: a drill waits for the first."""

_ROWS_S = 0.02

# A little longer than the server's own limit, whose error text is worth having.
_TIMEOUT_S = PATIENCE_S + 0.2
_OPTIONS = f"-c statement_timeout={PATIENCE_S * 1000:.0f}"


@dataclass(frozen=True, slots=True)
class State:
    """What a look of the oracle came to."""

    held: bool
    at: float
    """When the look was over, in seconds of CLOCK_MONOTONIC."""

    error: str


class Prober:
    """The threads and what they share.

    Args:
        config: The platform's configuration file.
        oracle: Name of the oracle.
        nodes: Database hosts, the one meant to be primary first; `host` or `host:port`.
        hosts: All hosts that are there.
    """

    def __init__(
        self, config: Path, oracle: str, nodes: Sequence[str], hosts: Sequence[str] = ()
    ) -> None:
        self._config = config
        # The nodes stay known even if a page breaks the configuration.
        self._first_address = read_address(config)
        self._split_brain = SplitBrain(nodes, self._node)
        rows = Rows(self._platform, _ROWS_S)
        around = Surroundings(rows.journal, nodes, self._platform, self._node)
        means = self._means(around, oracle, hosts)
        self._oracle = table.make(oracle, means)
        wanted: list[Client | None] = [means.content, means.publishing]
        if oracle in names.OF_ROWS or not means.content:
            wanted.insert(0, rows)
        self._clients = [client for client in wanted if client is not None]
        self._seen = Journal()
        """Errors that the oracle came across."""
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
        # An oracle may keep in mind what was there before anybody did anything.
        self._look_once()
        works = [work for client in self._clients for work in client.works]
        threads = [
            threading.Thread(target=self._guarded, args=(work,), daemon=True)
            for work in (*works, self._look, self._split_brain.watch)
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
                    "event": "state", "held": said.held, "at": said.at,
                    "acknowledged": acknowledged, "error": said.error,
                }
            )  # fmt: skip
        self._stop.set()
        for thread in threads:
            thread.join(timeout=3 * _TIMEOUT_S)
        say(self._account())

    def _means(self, around: Surroundings, oracle: str, hosts: Sequence[str]) -> table.Means:
        """What there is to use and to look at.

        Raises:
            Trouble: The database does not say who the users are, or takes no revocation.
        """
        if API not in hosts:
            return table.Means(around)
        with self._platform() as session:
            users = members(session)
            orgs = readers.orgs(session)
            domains = content.domains(session)
            routes = publishing.routes(session, hosts)
            viewers = [user for user in users if user.role == "viewer"]
            leaving = viewers[-1] if oracle in names.WITH_LEAVER else None
            roster = Roster([user for user in users if user != leaving], self._config, KEY)
            platform = Platform(API_URL, roster, self._platform)
            leaver = None
            if leaving:
                piece = next(key for key, org in orgs.items() if org == leaving.org)
                leaver = Leaver(platform, leaving, piece)
                leaver.leave(self._redis, session)
        targets = [f"https://{host}" for host in TARGETS if host in hosts]
        return table.Means(
            around,
            platform,
            content.Content(platform, domains),
            publishing.Publishing(platform, routes, targets) if routes else None,
            self._redis,
            readers.Readers(platform, orgs),
            leaver,
        )

    def _guarded(self, work: Callable[[threading.Event], None]) -> None:
        try:
            work(self._stop)
        except BaseException as error:  # a thread that dies quietly would look like peace
            traceback.print_exc()
            self._states.put(error)

    def _platform(self) -> Session:
        address = read_address(self._config)
        return Session(
            conninfo(address, application_name=APPLICATION, options=_OPTIONS), timeout_s=_TIMEOUT_S
        )

    def _redis(self) -> Redis:
        return Redis(settings.read(self._config, settings.REDIS), timeout_s=PATIENCE_S)

    def _node(self, node: str) -> Session:
        host, _, port = node.partition(":")
        address = conninfo(
            self._first_address, host=host, port=port or "5432", target_session_attrs="any",
            application_name=APPLICATION, options=_OPTIONS,
        )  # fmt: skip
        return Session(address, timeout_s=_TIMEOUT_S)

    def _look(self, stop: threading.Event) -> None:
        """Asks the oracle again and again."""
        while not stop.is_set():
            begin = time.monotonic()
            self._look_once()
            stop.wait(max(begin + _LOOK_S - time.monotonic(), 0))

    def _look_once(self) -> None:
        try:
            error = self._oracle.look()
        except Trouble as raised:
            self._seen.fail(raised.text, seen=raised.seen)
            error = raised.text
        state = State(held=not error, at=time.monotonic(), error=error)
        before, self._newest = self._newest, state
        if state.held and not before.held:
            self._held_since = state.at
        if (state.held, state.error) != (before.held, before.error):
            self._states.put(state)

    def _account(self) -> dict[str, Any]:
        """The last event: what became of all that was confirmed."""
        # What users waited for too long counts as time that they were not served.
        late = [moment for client in self._clients if (moment := client.settle()) is not None]
        account = told([client.count() for client in self._clients])
        # Nobody can say what is lost of what cannot be read.
        held = self._newest.held and account["counted"]
        since = max([self._held_since or 0.0, *late]) if held else None
        errors = [*self._seen.errors, *(e for c in self._clients for e in c.journal.errors)]
        return {
            "event": "account",
            **account,
            "split_brain": self._split_brain.first is not None,
            "split_brain_at": [self._split_brain.first, self._split_brain.last],
            "watched": self._split_brain.answers,
            "held": held,
            "held_since": since,
            "errors": list(dict.fromkeys(errors)),
        }


def main(argv: Sequence[str] | None = None) -> int:
    """Probes until SIGTERM; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="smartbeak_drills.prober", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--config", default=CONFIG, type=Path, help="the platform's configuration")
    parser.add_argument("--oracle", required=True, choices=sorted(names.ALL))
    parser.add_argument("--nodes", default="", metavar="HOST,HOST", help="databases, primary first")
    parser.add_argument("--hosts", default="", metavar="HOST,HOST", help="all that are there")
    options = parser.parse_args(argv)
    try:
        nodes, hosts = ([h for h in t.split(",") if h] for t in (options.nodes, options.hosts))
        nodes = nodes or [host for host in DATABASES if host in hosts]
        prober = Prober(options.config, options.oracle, nodes, hosts)
    except (Trouble, table.CannotLook) as error:
        print(f"prober: {error}", file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: prober.stop())
    prober.run(lambda event: print(json.dumps(event), flush=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
