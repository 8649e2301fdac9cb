"""Looks at what the API answers, route by route: whether one feature fails and the rest works."""

from __future__ import annotations

import contextlib
import re
import time
from collections import Counter
from dataclasses import dataclass

from smartbeak_ops import settings, web
from smartbeak_ops.api import Api
from smartbeak_ops.looks.seen import Look, Seen
from smartbeak_ops.refusal import RefusedError

FAILS = 0.5
"""Share of a route's requests that fail where its feature is broken."""

WORKS = 0.02
"""Share of all other requests that may fail where the rest works."""

ENOUGH = 3
"""Requests below which nothing is said of a route."""

_AGAIN_S = 1.5
_NOBODYS = frozenset({"/readyz", "/livez", "/metrics", "/health", "/health/detailed", "none"})
"""Routes that are no feature: probes, and what failed before it came to a route."""

_REQUESTS = re.compile(r"^http_requests_total{(.*)} ([\d.e+]+)", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')

Counts = Counter[tuple[str, bool]]
"""Requests by route, with its method, and whether they ended with 500."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A route that fails while others work.

    Attributes:
        route: With its method.
        failed: Of its requests.
        asked: Its requests.
    """

    route: str
    failed: int
    asked: int


def look() -> Look:
    """The API's own counts, from the operator's machine."""
    return Look("features", _see)


def counts(text: str) -> Counts:
    """What the API has counted since it was started.

    A defect of the code is answered with 500; what is away, with 503, and counts as neither.

    Args:
        text: Of its `/metrics`.
    """
    found: Counts = Counter()
    for labels, number in _REQUESTS.findall(text):
        told = dict(_LABEL.findall(labels))
        if told["route"] not in _NOBODYS and told["status"] != "503":
            found[f"{told['method']} {told['route']}", told["status"] == "500"] += round(
                float(number)
            )
    return found


def broken(found: Counts) -> Broken | None:
    """The route that fails most, if the others work; None where all work or all fail."""
    routes = {route for route, _ in found}
    worst = max(routes, key=lambda route: found[route, True], default="")
    failed, asked = found[worst, True], found[worst, True] + found[worst, False]
    if asked < ENOUGH or failed < FAILS * asked:
        return None
    others = [each for each in routes if each.partition(" ")[0] != worst.partition(" ")[0]]
    bad = sum(found[route, True] for route in others)
    good = sum(found[route, False] for route in others)
    if not good or bad > WORKS * (good + bad):
        return None
    return Broken(worst, failed, asked)


def said(found: Broken) -> str:
    """The line for a feature that fails."""
    return f"api: {found.route}: {found.failed} of {found.asked} requests failed, the others work"


def _see(seen: Seen) -> None:
    if not settings.known("api"):
        return
    first = counts(web.get(f"{settings.API}/metrics").text)
    if any(failed for _, failed in first):
        # Where all that users do fails, nobody has tried whether reading works.
        with contextlib.suppress(RefusedError):  # no key on this host
            Api().ask("GET", "/v1/content?limit=1")
        first = counts(web.get(f"{settings.API}/metrics").text)
    found = broken(first)
    if found is None:
        seen.know(api__feature="works")
        return
    # What was counted may be over: it counts what happens now.
    time.sleep(_AGAIN_S)
    now = counts(web.get(f"{settings.API}/metrics").text) - first
    if now[found.route, True] < max(1, FAILS * (now[found.route, True] + now[found.route, False])):
        seen.know(api__feature="works")
        return
    seen.say(said(found), api__feature="fails")
