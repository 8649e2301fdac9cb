"""Organizations that pay through Paddle: they sign up and order, and one cancels.

    python3 -m smartbeak_drills.paddle_customers --config FILE order COUNT
    python3 -m smartbeak_drills.paddle_customers --config FILE double COUNT
    python3 -m smartbeak_drills.paddle_customers --config FILE decline CODE
    python3 -m smartbeak_drills.paddle_customers --config FILE astray
    python3 -m smartbeak_drills.paddle_customers --config FILE cancel SUBSCRIPTION
    python3 -m smartbeak_drills.paddle_customers --config FILE of TRANSACTION...
    python3 -m smartbeak_drills.paddle_customers --config FILE settled

`order` signs so many organizations up with the free plan, has each order the plan that Paddle
sells, and prints the transactions that are to be paid. `double` has so many order and pay twice,
`decline` has six declined. `astray` is somebody in Paddle's dashboard who gives the webhooks
another path. `of` prints the subscriptions that paid ones began. `settled` waits until Paddle has
delivered all. The others print `done`.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from drillbook.inside.trouble import Trouble
from smartbeak_drills.deliveries import settle
from smartbeak_drills.places import PADDLE_PAGE
from smartbeak_drills.session import Session
from smartbeak_drills.settings import read_address
from smartbeak_drills.users import purchases
from smartbeak_drills.users.buyers import CENTS
from smartbeak_drills.users.calls import CallError, Line
from smartbeak_drills.users.paddle import Paddle
from smartbeak_drills.users.paddle_buyers import order as ordered_by
from smartbeak_drills.users.purchases import Purchase

_DECLINED = 6
_TIMEOUT_S = 5.0
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
        found.append(ordered_by(paddle, org))
    return "\n".join(found)


def double(paddle: Paddle, session: Session, count: str) -> str:
    """So many organizations whose order is sent and paid twice, beside one that orders once."""
    page = Line(PADDLE_PAGE, timeout_s=_TIMEOUT_S)
    names = [f"org_paddle_{number}" for number in range(int(count) + 1)]
    for number, org in enumerate(names):
        session.run(_SIGN_UP, org, f"Example Organization at Paddle {number}")
        session.run(_BEGIN, f"row_{org}", org, "plan_free")
        for _ in range(2 if number else 1):
            page.call("POST", f"/checkout/{ordered_by(paddle, org)}", body={})
    purchases.note(Purchase(org, org, "plan_pro", CENTS["plan_pro"]) for org in names)
    return settled(paddle, session)


def decline(paddle: Paddle, session: Session, code: str) -> str:
    """Customers whose cards are all declined for the same reason."""
    page = Line(PADDLE_PAGE, timeout_s=_TIMEOUT_S)
    for transaction in order(paddle, session, str(_DECLINED)).split():
        with contextlib.suppress(CallError):
            page.call("POST", f"/checkout/{transaction}", body={"decline": code})
    return "done"


def astray(paddle: Paddle, _: Session) -> str:
    """Somebody types the webhooks' address anew, with a slip."""
    setting = next(paddle.all("/notification-settings"))
    path = f"/notification-settings/{setting['id']}"
    paddle.patch(path, {"destination": setting["destination"].replace("webhooks", "webhook")})
    return "done"


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
    "double": double,
    "decline": decline,
    "astray": astray,
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
