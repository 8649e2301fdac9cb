"""Looks at the provider of payments: whether it answers, and what became of charges."""

from __future__ import annotations

import time
from collections import Counter

import stripe

from smartbeak_ops import doubled, settings, stripe_api
from smartbeak_ops.looks.seen import Look, Seen

_SLOW_S = 1.5
"""Longest that an answer takes while all is well."""

_HOUR_S = 3600
_FEWEST = 5
"""Charges that must have failed before they say anything."""

_PROVIDER = ("processing_error", "issuer_not_available", "try_again_later")
"""Codes for which nobody's card is to blame: https://docs.stripe.com/declines/codes."""


def looks() -> list[Look]:
    """Stripe, from the operator's machine."""
    if not settings.known(stripe_api.HOST):
        return []
    return [
        Look("stripe", _answers),
        Look("charges", _charges),
        Look("doubled", _doubled),
        Look("checkouts", _checkouts),
    ]


def _answers(seen: Seen) -> None:
    began = time.perf_counter()
    try:
        stripe_api.client(tries=0).v1.events.list({"limit": 1})
        took = time.perf_counter() - began
        said = "answers" if took < _SLOW_S else "slow"
    except stripe.StripeError as error:
        took = time.perf_counter() - began
        said = {0: "no answer", 401: "refuses the key", 429: "busy"}.get(
            error.http_status or 0, "fails"
        )
    seen.say(f"stripe: {said} in {took:.1f} s", stripe=said)


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
    percent, reason = 0.0, "none"
    if len(failed) >= _FEWEST:
        percent = 100 * len(failed) / len(found)
        most = codes.most_common(1)[0][0]
        reason = "provider" if most in _PROVIDER else "ourselves" if most == "blocked" else "banks"
    seen.know(charges__failed_percent=percent, charges__reason=reason)


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


def _code(charge: dict[str, object]) -> str:
    """The decline code; `blocked` where Radar, and not the bank, refused it."""
    outcome = charge.get("outcome")
    about = outcome if isinstance(outcome, dict) else {}
    if about.get("type") == "blocked":
        return "blocked"
    reason = about.get("reason") or charge.get("failure_code")
    return str(reason or "unknown")
