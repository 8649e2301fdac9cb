"""What publishers do: they have content published, and look whether it is.

A job counts as done when its target accepted it, whatever the platform says; as
doubled when the target accepted it twice.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

from drillbook.inside.account import Count, Work, count_of
from drillbook.inside.journal import Journal, Losses
from drillbook.inside.trouble import Trouble
from smartbeak_drills.agreed import ACKNOWLEDGED
from smartbeak_drills.session import Session
from smartbeak_drills.users.calls import CallError, Line
from smartbeak_drills.users.pace import keep_at
from smartbeak_drills.users.platform import Platform, check_in_time
from smartbeak_drills.users.roster import PUBLISHERS

LATE_S = 2.5
"""Seconds that a job may take before users call it late; on an idle stack it takes 0.03 s."""

_INTERVAL_S = 1.0
_PATIENCE_S = 2.5
"""Seconds without an acknowledged job before users call the platform down."""

_ASK_S = 0.25
_DRAIN_S = 40.0
"""Seconds that jobs may still take when the account is made up."""

_TURNS = 4

_WORKERS = {"us-east-1": "worker", "eu-west-1": "worker-eu"}
"""Host of each region's worker."""

_ROUTES = """
SELECT DISTINCT ON (target.id) target.id, target.domain_id, domain.org_id, content.id,
       target.type, target.region
FROM publish_targets AS target
JOIN domains AS domain ON domain.id = target.domain_id
JOIN content_items AS content ON content.domain_id = domain.id AND content.status = 'published'
WHERE target.enabled
ORDER BY target.id, content.id
"""
_PUBLISHED = """
SELECT id FROM publishing_jobs WHERE status = 'published' AND id = ANY (string_to_array($1, ','))
"""


@dataclass(frozen=True, slots=True)
class Route:
    """Something that can be published, and where."""

    target: str
    domain: str
    org: str
    content: str
    way: str
    """Kind of target and region: what one trouble closes for all, e.g. `wordpress us-east-1`."""


class Publishing:
    """Orders jobs over one kept connection and asks the targets what they accepted.

    Args:
        platform: Where to.
        routes: What is published, in turn.
        targets: Addresses of the targets, which say what they accepted.
    """

    kind = "publishing"

    def __init__(self, platform: Platform, routes: Sequence[Route], targets: Sequence[str]) -> None:
        self.journal = Journal()
        self.journal.begin_after(0)
        self._platform = platform
        self._routes = in_turn(routes)
        self._targets = {target: Line(target, timeout_s=1.0) for target in targets}
        self._silent: dict[str, str] = {}
        """Why a target did not say what it accepted, by its address."""
        self._lock = threading.Lock()
        self._open: dict[str, tuple[str, float]] = {}
        """Way and time of each acknowledged job that is not accepted yet, by its id."""
        self._accepted: dict[str, int] = {}
        """How often each job was accepted, as last said by all targets."""
        self._numbers: dict[str, int] = {}
        self._before: frozenset[str] | None = None
        """What the targets had accepted twice before anything was done."""
        self._newest_done = {route.way: 0.0 for route in routes}
        """When the newest of the accepted jobs was acknowledged, by its way."""
        self._late = 0.0
        """When a job was last accepted that users had waited for too long."""
        self._also_read = 0

    @property
    def works(self) -> Sequence[Work]:
        """See `drillbook.inside.account.Client`."""
        return (self._order, self._follow)

    @property
    def newest_done(self) -> float:
        """CLOCK_MONOTONIC seconds: whatever was acknowledged until then is accepted on every way,
        as far as it is known by the newest that was accepted there.
        """
        with self._lock:
            return min(self._newest_done.values())

    def trouble(self) -> str:
        """Why users' jobs are not acknowledged or not published; empty when they are."""
        trouble = self.journal.kept_trouble(_PATIENCE_S)
        if trouble:
            return trouble
        now = time.monotonic()
        with self._lock:
            waiting = [now - at for _, at in self._open.values() if now - at > LATE_S]
            silent = next(iter(self._silent.values()), "")
        if waiting:
            why = f" ({silent})" if silent else ""
            return f"acknowledged more than {LATE_S:g} s ago and not published: {len(waiting)}{why}"
        return ""

    def order(self, line: Line) -> None:
        """Orders one job.

        Raises:
            CallError: It was not acknowledged, or not in time.
        """
        number = self.journal.number() or 0
        route = self._routes[(number - 1) % len(self._routes)]
        user = self._platform.take("publish", PUBLISHERS, route.org)
        body = {"domainId": route.domain, "contentId": route.content, "targetId": route.target}
        answer = self._platform.call(line, user, "POST", "/v1/publishing/jobs", body)
        self._acknowledge(answer.body["id"], number, route.way)
        check_in_time(answer)

    def ask(self) -> None:
        """Asks every target once what it accepted, and reads what others had acknowledged."""
        self._read_also()
        said: dict[str, int] = {}
        for target, line in self._targets.items():
            try:
                answer = line.call("GET", "/_drillbook/accepted")
                said.update(answer.body["accepted"])
                self._silent.pop(target, None)
            except CallError as error:
                self._silent[target] = error.text
        self._note(said)

    def settle(self) -> float | None:
        """See `drillbook.inside.account.Client`."""
        deadline = time.monotonic() + _DRAIN_S
        late_before = self._late
        while True:
            self.ask()
            with self._lock:
                if not self._open or time.monotonic() > deadline:
                    return self._late if self._late > late_before else None
            time.sleep(_ASK_S)

    def count(self) -> Count:
        """See `drillbook.inside.account.Client`."""
        with self._lock:
            missing = {key for key in self._numbers if key not in self._accepted}
            doubled = {key for key, count in self._accepted.items() if count > 1}
            doubled -= self._before or frozenset()
            silent = bool(self._silent)
            # A way begins with the kind of its targets, which is the name of their host.
            ways = {way.partition(" ")[0] for way, newest in self._newest_done.items() if newest}
        if silent and missing:
            # Whoever was never asked may have accepted them: the platform's word has to do.
            missing -= self._published(missing) or set()
        losses: Losses | None = None
        if not (silent and missing):
            present = [number for key, number in self._numbers.items() if key not in missing]
            losses = self.journal.compare(present, _INTERVAL_S)
            losses = replace(losses, doubled=len(doubled))
        return count_of(self.kind, self.journal, losses, tuple(sorted(ways)))

    def _order(self, stop: threading.Event) -> None:
        line = self._platform.line()
        keep_at(lambda: self.order(line), self.journal, _INTERVAL_S, stop)
        line.close()

    def _follow(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.ask()
            stop.wait(_ASK_S)

    def _acknowledge(self, key: str, number: int, way: str) -> None:
        with self._lock:
            self.journal.confirm(number)
            self._numbers[key] = number
            self._open[key] = way, time.monotonic()
            if key in self._accepted:
                self._close(key)

    def _close(self, key: str) -> None:
        way, at = self._open.pop(key)
        self._newest_done[way] = max(self._newest_done[way], at)
        if time.monotonic() - at > LATE_S:
            self._late = time.monotonic()

    def _read_also(self) -> None:
        try:
            with Path(ACKNOWLEDGED).open(encoding="utf-8") as file:
                file.seek(self._also_read)
                lines = [line for line in file if line.endswith("\n")]
        except OSError:
            return
        self._also_read += sum(len(line.encode()) for line in lines)
        for line in lines:
            number = self.journal.number() or 0
            self._acknowledge(json.loads(line)["job"], number, self._routes[0].way)

    def _note(self, said: Mapping[str, int]) -> None:
        with self._lock:
            if not self._silent:
                self._accepted = dict(said)
                if self._before is None:
                    self._before = frozenset(key for key, count in said.items() if count > 1)
            else:
                self._accepted.update(said)
            for key in said.keys() & self._open.keys():
                self._close(key)

    def _published(self, keys: Iterable[str]) -> set[str] | None:
        """Those of the jobs that the platform calls published; None if it cannot be asked."""
        try:
            with self._platform.database() as session:
                return {str(row[0]) for row in session.run(_PUBLISHED, ",".join(keys))}
        except Trouble as error:
            self.journal.fail(error.text, seen=error.seen)
            return None


def in_turn(routes: Sequence[Route]) -> tuple[Route, ...]:
    """The routes in an order that comes by each way often enough.

    The way that most routes take has every second turn or more, the others share the
    rest. A way with one target cannot have more: its few users may not order more often.
    """
    ways: dict[str, list[Route]] = {}
    for route in routes:
        ways.setdefault(route.way, []).append(route)
    main, *others = sorted(ways.values(), key=len, reverse=True)
    each, rare = cycle(main), cycle([cycle(way) for way in others])
    order: list[Route] = []
    for turn in range(_TURNS * len(routes)):
        is_rare = turn % _TURNS in (1, 3)[: len(others)]
        order.append(next(next(rare)) if is_rare else next(each))
    return tuple(order)


def routes(session: Session, hosts: Sequence[str]) -> tuple[Route, ...]:
    """What can be published with these hosts: each target with a piece of its domain.

    Raises:
        SessionError: The targets cannot be read.
    """
    return tuple(
        Route(str(target), str(domain), str(org), str(content), f"{kind} {region}")
        for target, domain, org, content, kind, region in session.run(_ROUTES)
        if kind in hosts and _WORKERS.get(str(region)) in hosts
    )
