"""Looks at the platform's own processes: the API, the web host, the release."""

from __future__ import annotations

import re
from http import HTTPStatus

from smartbeak_ops import postgres, settings, web
from smartbeak_ops.api import Api
from smartbeak_ops.failures import ServiceError
from smartbeak_ops.looks import features, migrations, slowness, statements
from smartbeak_ops.looks.seen import Look, Seen
from smartbeak_ops.refusal import RefusedError

_WHERE = {
    "itself": "the API itself",
    "pool": "its pool",
    "postgresql": "PostgreSQL",
    "redis": "Redis",
}
_PAST_DUE = """
SELECT count(*) FILTER (WHERE status = 'past_due' AND updated_at > now() - interval '1 hour')
         AS recent,
       count(*) FILTER (WHERE status IN ('active', 'past_due')) AS payers
FROM subscriptions
"""
_WEBHOOKS = re.compile(
    r'^webhook_events_total\{outcome="([^"]*)",provider="([^"]*)"\} ([\d.]+)', re.MULTILINE
)
_REFUSED = "refused"
"""Outcome of an event whose signature or age is not right; others were taken, or failed."""


def looks(known: settings.Settings) -> list[Look]:
    """The API and the release, from the operator's machine."""
    return [
        Look("speed", lambda seen: _api(seen, known)),
        Look("tokens", _tokens),
        migrations.look(known),
        statements.look(known),
        features.look(),
    ]


def payments(known: settings.Settings) -> list[Look]:
    """What payments need, from the operator's machine."""
    return [
        Look("web", _web),
        Look("webhooks", _webhooks),
        Look("subscriptions", lambda seen: _subscriptions(seen, known)),
    ]


def _api(seen: Seen, known: settings.Settings) -> None:
    if not settings.known("api"):
        seen.know(api="absent")
        return
    took = slowness.measure(known)
    reply, live = took.ready, took.live
    # A program that does not know the probe is not the platform's: it only has its port.
    gone = not reply.answered or reply.status == HTTPStatus.NOT_FOUND
    ready = "no answer" if gone else "ready" if reply.status == HTTPStatus.OK else "not ready"
    seen.know(api=ready)
    if gone:
        hangs = live.answered or live.silent
        seen.know(api__hangs=hangs)
        seen.lines.append("api: no answer within 3 s" if hangs else "api: no answer")
        return
    where = took.where
    seen.know(api__slow=where)
    if where == "no":
        lacks = f": {took.why[:160]}" if took.why else ""
        seen.lines.append(f"api: {ready} in {reply.took_s:.1f} s{lacks}")
        return
    seen.lines += [
        f"api: slow, {ready} in {reply.took_s:.1f} s, alive in {live.took_s:.1f} s",
        f"  PostgreSQL answers us in {_seconds(took.database_s)}, "
        f"Redis in {_seconds(took.store_s)}, {took.waiting:g} requests wait for a connection: "
        f"it is {_WHERE[where]}",
    ]


def _seconds(took: float | None) -> str:
    return "no time" if took is None else f"{took:.1f} s"


def _tokens(seen: Seen) -> None:
    """Whether the API takes tokens of the key that the store of secrets has."""
    if not settings.known("api"):
        return
    try:
        reply = Api().ask("GET", "/v1/content?limit=1")
    except RefusedError:
        return  # no key on this host
    if not reply.answered:
        return
    refused = reply.status == HTTPStatus.UNAUTHORIZED
    seen.know(api__tokens="refused" if refused else "taken")
    if refused:
        seen.lines.append("api: REFUSES tokens of the key in the store of secrets")


def _web(seen: Seen) -> None:
    if not settings.known("web"):
        seen.know(web="absent")
        return
    ready = web.probe(f"{settings.WEB}/readyz", "ready", "not ready")
    seen.say(f"web: {ready}", web=ready)


def _webhooks(seen: Seen) -> None:
    if not settings.known("web"):
        return
    reply = web.get(f"{settings.WEB}/metrics")
    if not reply.answered:
        return
    refused = {"stripe": 0.0, "paddle": 0.0, "clerk": 0.0}
    for outcome, provider, count in _WEBHOOKS.findall(reply.text):
        seen.lines.append(f"webhooks: {provider}: {float(count):g} {outcome}")
        if outcome == _REFUSED:
            refused[provider] = float(count)
    seen.know(webhooks__refused=sum(refused.values()), webhooks__paddle=refused["paddle"])


def _subscriptions(seen: Seen, known: settings.Settings) -> None:
    try:
        with postgres.Server(known.database) as server:
            (row,) = server.rows(_PAST_DUE)
    except ServiceError as error:
        seen.blind("subscriptions", f"the database says {error.said}")
        return
    seen.say(
        f"subscriptions: {row['recent']} past due within the hour, of {row['payers']} payers",
        subscriptions__percent=100 * float(str(row["recent"])) / max(float(str(row["payers"])), 1),
    )
