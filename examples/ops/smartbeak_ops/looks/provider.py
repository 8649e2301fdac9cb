"""Looks at the provider of payments: whether it answers, and what became of charges."""

from __future__ import annotations

import time
from collections import Counter
from urllib.parse import urlsplit

import stripe

from smartbeak_ops import doubled, postgres, settings, stripe_api
from smartbeak_ops.failures import ServiceError
from smartbeak_ops.looks.seen import Look, Seen, span

PATH = "/api/webhooks/stripe"
"""Where the platform takes Stripe's events; see `examples/platform/facts.yaml`."""

_SLOW_S = 3.0
"""Longest that an answer takes while all is well."""

_UNANSWERED = ("needs_response", "warning_needs_response")
_HOUR_S = 3600
_FEWEST = 5
"""Charges that must have failed before they say anything."""


def looks(known: settings.Settings) -> list[Look]:
    """Stripe, from the operator's machine, where it can be reached by name."""
    return [
        Look("stripe", answers),
        Look("charges", _charges),
        Look("doubled", _doubled),
        Look("disputes", _disputes),
        Look("checkouts", _checkouts),
        Look("prices", lambda seen: _prices(seen, known)),
    ]


def answers(seen: Seen) -> None:
    """Whether it answers; what it is asked for is where it sends its events."""
    began = time.perf_counter()
    endpoints: list[stripe.WebhookEndpoint] | None = None
    try:
        endpoints = stripe_api.client(tries=0).v1.webhook_endpoints.list({"limit": 100}).data
        took = time.perf_counter() - began
        said = "answers" if took < _SLOW_S else "slow"
    except stripe.StripeError as error:
        took = time.perf_counter() - began
        said = {0: "no answer", 401: "refuses the key", 429: "busy"}.get(
            error.http_status or 0, "fails"
        )
    seen.say(f"stripe: {said} in {took:.1f} s", stripe=said)
    if endpoints is not None:
        heard(seen, endpoints)


def heard(seen: Seen, endpoints: list[stripe.WebhookEndpoint]) -> None:
    """Whether Stripe sends its events to the platform's path, and has not disabled it."""
    paths = {urlsplit(each.url).path: each.status for each in endpoints}
    strays = [path for path, status in paths.items() if path != PATH and status == "enabled"]
    if paths.get(PATH) == "enabled":
        seen.know(stripe__path="right")
    elif PATH in paths or not strays:
        seen.say("stripe: webhooks are switched off", stripe__path="off")
    else:
        seen.say(f"stripe: webhooks go to {strays[0]}, not to {PATH}", stripe__path="wrong")


def _charges(seen: Seen) -> None:
    since = int(time.time()) - _HOUR_S
    asked = {"limit": 100, "created": {"gte": since}}
    try:
        found = [
            stripe_api.dump(each)
            for each in stripe_api.client(tries=0).v1.charges.list(asked).auto_paging_iter()  # type: ignore[arg-type]
        ]
    except stripe.StripeError as error:
        seen.blind("charges", stripe_api.unanswered(error).reason)
        return
    failed = [each for each in found if each["status"] == "failed"]
    codes = Counter(_code(each) for each in failed)
    shown = ", ".join(f"{count} {code}" for code, count in codes.most_common(4))
    seen.lines.append(
        f"charges: {len(found)} within the hour, {len(failed)} declined"
        + (f": {shown}" if shown else "")
    )
    percent = 100 * len(failed) / len(found) if len(failed) >= _FEWEST else 0.0
    seen.know(charges__failed_percent=percent)


def _doubled(seen: Seen) -> None:
    found = doubled.find(hours=24, tries=0)
    open_ones = [each for each in found if each.state != "disputed"]
    cents = sum(each.cents for each in open_ones)
    if found:
        seen.lines.append(
            f"doubled: {len(found)} customers charged twice within the day, "
            f"{doubled.money(cents, found[0].currency)}"
        )
    seen.know(charges__doubled=len(open_ones))


def _disputes(seen: Seen) -> None:
    """What cardholders dispute and nobody has answered; the platform ignores Stripe's event."""
    try:
        found = [
            stripe_api.dump(each)
            for each in stripe_api.client(tries=0)
            .v1.disputes.list({"limit": 100})
            .auto_paging_iter()
        ]
    except stripe.StripeError as error:
        seen.blind("disputes", stripe_api.unanswered(error).reason)
        return
    waiting = [each for each in found if each["status"] in _UNANSWERED]
    seen.know(disputes__open=len(waiting))
    if waiting:
        first = min(each["evidence_details"]["due_by"] for each in waiting) - time.time()
        cents = sum(each["amount"] for each in waiting)
        seen.lines.append(
            f"disputes: {len(waiting)} without an answer, "
            f"{doubled.money(cents, waiting[0]['currency'])}, "
            f"the first lost in {span(max(first, 0))}"
        )


def _checkouts(seen: Seen) -> None:
    since = int(time.time()) - _HOUR_S
    client = stripe_api.client(tries=0)
    try:
        found = client.v1.checkout.sessions.list({"limit": 100, "created": {"gte": since}}).data
    except stripe.StripeError as error:
        seen.blind("checkouts", stripe_api.unanswered(error).reason)
        return
    counts = Counter(str(each.status) for each in found)
    said = ", ".join(f"{counts[name]} {name}" for name in ("open", "complete", "expired"))
    seen.say(f"checkouts: {said} within the hour")


def _prices(seen: Seen, known: settings.Settings) -> None:
    """Whether each plan that costs something can be bought, for what the platform says."""
    try:
        found = stripe_api.client(tries=0).v1.prices.list({"active": True, "limit": 100}).data
    except stripe.StripeError as error:
        seen.blind("prices", stripe_api.unanswered(error).reason)
        return
    try:
        with postgres.Server(known.database) as server:
            rows = server.rows("SELECT id, price_cents FROM plans WHERE price_cents > 0 ORDER BY 1")
    except ServiceError as error:
        seen.blind("prices", f"the database says {error.said}")
        return
    active = [stripe_api.dump(each) for each in found]
    sold = {(each["metadata"].get("planId"), each["unit_amount"]) for each in active}
    missing = [str(row["id"]) for row in rows if (row["id"], row["price_cents"]) not in sold]
    said = f"not on sale: {', '.join(missing)}" if missing else f"{len(rows)} plans are on sale"
    seen.say(f"prices: {said}", prices__missing=len(missing))


def _code(charge: dict[str, object]) -> str:
    """The decline code; `blocked` where Radar, and not the bank, refused it."""
    outcome = charge.get("outcome")
    about = outcome if isinstance(outcome, dict) else {}
    if about.get("type") == "blocked":
        return "blocked"
    reason = about.get("reason") or charge.get("failure_code")
    return str(reason or "unknown")
