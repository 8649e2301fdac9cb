"""What a provider's dashboard and time do; typed on the provider's host.

    python3 -m simulators.payments.control hold
    python3 -m simulators.payments.control release [--times N] [--reverse]
    python3 -m simulators.payments.control pass 2h
    python3 -m simulators.payments.control renew SUBSCRIPTION...
    python3 -m simulators.payments.control expire SUBSCRIPTION...
    python3 -m simulators.payments.control dispute [--reason REASON] CHARGE...
    python3 -m simulators.payments.control won|lost DISPUTE...
    python3 -m simulators.payments.control pay TRANSACTION...
    python3 -m simulators.payments.control decline --code CODE TRANSACTION|SUBSCRIPTION...
    python3 -m simulators.payments.control approve|reject ADJUSTMENT...
    python3 -m simulators.payments.control charge-back TRANSACTION...
    python3 -m simulators.payments.control roll-secret --overlap 24h --to FILE
    python3 -m simulators.payments.control status

`hold` keeps webhooks back; `release` lets them go, each as often as asked and in that
order. `pass` makes all that is there older by so much: the clock stays, since others'
clocks must agree with signatures; deliveries that would have been tried meanwhile are
tried at once, and what would have ended meanwhile has ended, in its order: checkout sessions,
trials, periods, open invoices, disputes, refunds that wait. `renew` lets a subscription's period
end. With `dispute` a cardholder disputes a charge, `won` and `lost` are what the bank says of the
answer. `pay` is Paddle's checkout: a customer pays what is ready or past due; with Stripe a
customer posts to the page of the session. `decline` is what happens there otherwise: to a
transaction once, to a subscription's card from then on. `approve` and `reject` are Paddle's word on
a refund, `charge-back` is a bank's. `roll-secret` gives the platform's endpoint a new secret and
writes it to a file that only its owner can read.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from simulators.folders import Folders
from simulators.payments import books, clock, ledger, seed
from simulators.payments.ledger import Ledger, Thing, new_id
from simulators.payments.paddle import adjustments, transactions
from simulators.payments.paddle import ends as paddle_ends
from simulators.payments.paddle.desk import Desk as PaddleDesk
from simulators.payments.paddle.errors import PaddleError
from simulators.payments.stripe import disputes, subscriptions
from simulators.payments.stripe import ends as stripe_ends
from simulators.payments.stripe.desk import Desk
from simulators.payments.stripe.errors import StripeError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def main(argv: Sequence[str] | None = None) -> int:
    """Does one thing; returns the exit status."""
    said = _arguments(argv)
    try:
        with ledger.opened(books(Folders(said.root, "payments"))) as known, known.changing():
            print(_done(known, said), flush=True)
    except (OSError, PaddleError, StripeError) as error:
        print(f"control: {error}", file=sys.stderr)
        return 1
    return 0


def _done(known: Ledger, said: argparse.Namespace) -> str:
    if said.what == "hold":
        known.set("held", "1")
        return "held"
    if said.what == "release":
        return f"released: {known.reorder(said.times, reverse=said.reverse)}"
    if said.what == "pass":
        _pass(known, said.duration)
        return f"passed: {said.duration} s"
    if said.what == "roll-secret":
        return _roll(known, said.overlap, said.to)
    if said.what == "status":
        return (
            " ".join(f"{name}={count}" for name, count in sorted(known.tally().items())) or "none"
        )
    change = _CHANGES.get((said.what, known.get(seed.ENDPOINT) is None))
    if change is None:
        raise OSError(f"the provider of this host has no {said.what}")
    return "\n".join(f"{key}: {change(known, key, said)['status']}" for key in said.keys)


_CHANGES: Mapping[tuple[str, bool], Callable[[Ledger, str, argparse.Namespace], Thing]] = {
    ("renew", False): lambda known, key, _: subscriptions.renew(_stripe(known), key),
    ("expire", False): lambda known, key, _: subscriptions.expire(_stripe(known), key),
    ("dispute", False): lambda known, key, said: _disputed(_stripe(known), key, said.reason),
    ("won", False): lambda known, key, _: disputes.decide(_stripe(known), key, won=True),
    ("lost", False): lambda known, key, _: disputes.decide(_stripe(known), key, won=False),
    ("renew", True): lambda known, key, _: transactions.renew(_paddle(known), key),
    ("pay", True): lambda known, key, _: transactions.pay(_paddle(known), key),
    ("decline", True): lambda known, key, said: transactions.decline(
        _paddle(known), key, said.code
    ),
    ("approve", True): lambda known, key, _: adjustments.decide(_paddle(known), key, "approved"),
    ("reject", True): lambda known, key, _: adjustments.decide(_paddle(known), key, "rejected"),
    ("charge-back", True): lambda known, key, _: adjustments.charge_back(_paddle(known), key),
}
"""By what is asked for and whether the provider is Paddle."""


def _pass(known: Ledger, seconds: int) -> None:
    scale = float(os.environ.get("TIME_SCALE", "1"))
    if known.get(seed.ENDPOINT):
        desk = _stripe(known)
        clock.move(known, seconds, scale, desk.now, lambda: stripe_ends.due(desk))
    else:
        other = _paddle(known)
        clock.move(known, seconds, scale, other.now, lambda: paddle_ends.due(other))


def _disputed(desk: Desk, key: str, reason: str) -> Thing:
    return disputes.begin(desk, desk.get("charge", key, "charge"), reason)


def _stripe(known: Ledger) -> Desk:
    return Desk(known, int(time.time()), "")


def _paddle(known: Ledger) -> PaddleDesk:
    return PaddleDesk(known, int(time.time()))


def _roll(known: Ledger, overlap_s: int, to: Path) -> str:
    endpoint = seed.ENDPOINT if known.get(seed.ENDPOINT) else seed.DESTINATION
    secret = new_id("whsec_", 32)
    with open(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"{secret}\n")
    known.roll_secret(endpoint, secret, overlap_s)
    return f"rolled: the one before it ends in {overlap_s} s"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="simulators.payments.control", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--root", type=Path, default=Path("/"), help="for tests: where /var is")
    what = parser.add_subparsers(dest="what", required=True)
    what.add_parser("hold")
    what.add_parser("status")
    release = what.add_parser("release")
    release.add_argument("--times", type=int, default=1)
    release.add_argument("--reverse", action="store_true")
    what.add_parser("pass").add_argument("duration", type=_seconds)
    for name in sorted({name for name, _ in _CHANGES}):
        change = what.add_parser(name)
        change.add_argument("keys", nargs="+", metavar="KEY")
        if name == "dispute":
            change.add_argument("--reason", choices=disputes.REASONS, default="fraudulent")
        if name == "decline":
            change.add_argument("--code", choices=transactions.ERROR_CODES, required=True)
    roll = what.add_parser("roll-secret")
    roll.add_argument("--overlap", type=_seconds, default=0)
    roll.add_argument("--to", type=Path, required=True)
    return parser.parse_args(argv)


def _seconds(text: str) -> int:
    match = re.fullmatch(r"(\d+)([smhd])", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number with s, m, h or d")
    return int(match[1]) * _UNITS[match[2]]


if __name__ == "__main__":
    sys.exit(main())
