"""Organizations that pay through Paddle: they sign up and order, and one cancels.

    python3 -m smartbeak_drills.paddle_customers --config FILE order COUNT
    python3 -m smartbeak_drills.paddle_customers --config FILE cancel SUBSCRIPTION
    python3 -m smartbeak_drills.paddle_customers --config FILE of TRANSACTION...
    python3 -m smartbeak_drills.paddle_customers --config FILE settled

`order` signs so many organizations up with the free plan, has each order the plan that Paddle
sells, and prints the transactions that are to be paid. `of` prints the subscriptions that paid
ones began. `settled` waits until Paddle has delivered all. The others print `done`.
"""

from __future__ import annotations

import argparse
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from drillbook.inside.trouble import Trouble
from smartbeak_drills.deliveries import settle
from smartbeak_drills.session import Session
from smartbeak_drills.settings import read_address
from smartbeak_drills.users.paddle import Paddle

_PRICE = "pri_plan_pro"
_POLL_S = 0.5
"""Paddle's limit is 240 requests a minute."""

_SIGN_UP = "INSERT INTO organizations (id, name) VALUES ($1, $2)"
_BEGIN = "INSERT INTO subscriptions (id, org_id, plan_id, status) VALUES ($1, $2, $3, 'active')"


def order(paddle: Paddle, session: Session, count: str) -> str:
    """New organizations that order; the customer's payment is the provider's to take."""
    found = []
    for number in range(1, int(count) + 1):
        org = f"org_paddle_{number}"
        session.run(_SIGN_UP, org, f"Example Organization at Paddle {number}")
        session.run(_BEGIN, f"row_{org}", org, "plan_free")
        customer = paddle.post("/customers", {"email": f"{uuid.uuid4().hex[:8]}@example.com"})
        place = paddle.post(f"/customers/{customer['id']}/addresses", {"country_code": "US"})
        ordered = paddle.post(
            "/transactions",
            {
                **{"customer_id": customer["id"], "address_id": place["id"]},
                **{"items": [{"price_id": _PRICE, "quantity": 1}]},
                "custom_data": {"org_id": org},
            },
        )
        found.append(ordered["id"])
    return "\n".join(found)


def cancel(paddle: Paddle, _: Session, key: str) -> str:
    """A customer cancels, at once."""
    paddle.post(f"/subscriptions/{key}/cancel", {"effective_from": "immediately"})
    return "done"


def of(paddle: Paddle, _: Session, *keys: str) -> str:
    """Subscriptions of transactions, in the same order."""
    known = {each["id"]: each["subscription_id"] for each in paddle.all("/transactions")}
    return "\n".join(known[key] for key in keys)


def settled(paddle: Paddle, _: Session) -> str:
    """Waits until every notification was delivered.

    Raises:
        Trouble: One is not.
    """
    state = "not_attempted,needs_retry"
    settle("Paddle", lambda: any(paddle.all("/notifications", status=state)), _POLL_S)
    return "done"


_DONE: Mapping[str, Callable[..., str]] = {
    "order": order,
    "cancel": cancel,
    "of": of,
    "settled": settled,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Does one thing; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="smartbeak_drills.paddle_customers", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--config", required=True, type=Path, help="the platform's configuration")
    parser.add_argument("what", choices=_DONE)
    parser.add_argument("more", nargs="*")
    options = parser.parse_args(argv)
    try:
        with Session(read_address(options.config), timeout_s=30.0) as session:
            said = _DONE[options.what](Paddle(), session, *options.more)
    except Trouble as error:
        print(f"paddle_customers: {error.text}", file=sys.stderr)
        return 1
    print(said, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
