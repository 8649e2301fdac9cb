"""Faults of payments: of the secrets that sign webhooks, and of their order."""

from __future__ import annotations

from drillbook.drills.hosts import ask, run
from drillbook.sandboxes.sandbox import Sandbox
from smartbeak_drills.agreed import RENEWED
from smartbeak_drills.injections import client
from smartbeak_drills.places import APP, CONFIG, OPERATOR, OVERRIDES, PADDLE, STRIPE, WEB

_ACCOUNT_RATE = "100 5"
"""Requests and seconds: somewhat below Stripe's 25 a second in test mode, over a longer time, so
that a script on a slow machine uses them up, too. See https://docs.stripe.com/rate-limits."""

_WRITE = """
umask 077
mkdir --parents "$1"
head --bytes 32 /dev/urandom | base64 >"$1/$2-webhook"
"""


def wrong_secret(sandbox: Sandbox, provider: str) -> None:
    """Puts another secret on the web host and restarts it: a rotation that was half done."""
    run(sandbox, WEB, "bash", "-euc", _WRITE, "bash", OVERRIDES, provider)
    run(sandbox, WEB, "platform-service", "restart")


def stale_events(sandbox: Sandbox) -> None:
    """Has Stripe deliver events late that newer ones have overtaken."""
    run(sandbox, APP, "python3", "-m", "smartbeak_drills.late_events", "past_due")


def double_charge(sandbox: Sandbox, count: str) -> None:
    """Has a client without idempotency keys send so many orders twice."""
    argv = ("python3", "-m", "smartbeak_drills.shoppers", "--config", CONFIG, "double", count)
    run(sandbox, APP, *argv)


def archive_price(sandbox: Sandbox, plan: str) -> None:
    """Has somebody take a plan's price off sale in Stripe's dashboard."""
    argv = ("python3", "-m", "smartbeak_drills.shoppers", "--config", CONFIG, "archive", plan)
    run(sandbox, APP, *argv)


def decline_cards(sandbox: Sandbox, card: str) -> None:
    """Has customers pay with cards that are declined, all in the same way."""
    argv = ("python3", "-m", "smartbeak_drills.shoppers", "--config", CONFIG, "decline", card)
    run(sandbox, APP, *argv)


def block_country(sandbox: Sandbox, country: str) -> None:
    """Has somebody put a country on Radar's block list in Stripe's dashboard."""
    argv = ("python3", "-m", "smartbeak_drills.shoppers", "--config", CONFIG, "block", country)
    run(sandbox, APP, *argv)


def misdirect_stripe(sandbox: Sandbox) -> None:
    """Has somebody give Stripe another path for webhooks."""
    run(sandbox, APP, "python3", "-m", "smartbeak_drills.shoppers", "--config", CONFIG, "astray")


def dispute_charges(sandbox: Sandbox, count: str) -> None:
    """Has the first customers' cardholders go to their banks, the second one for another reason."""
    for number in range(1, int(count) + 1):
        reason = "fraudulent" if number % 2 == 0 else "subscription_canceled"
        _control(sandbox, "dispute", "--reason", reason, f"ch_example{number}")


def hammer_stripe(sandbox: Sandbox) -> None:
    """Starts a script that asks Stripe without a pause, with the platform's key.

    The account's limit is then below Stripe's own: a script on a slow machine does not get there.
    """
    run(sandbox, STRIPE, "bash", "-euc", f"echo '{_ACCOUNT_RATE}' >/var/lib/payments/rate")
    client.start(sandbox, "hammer", "shoppers", "hammer", what="the script did not start")


def renewals(sandbox: Sandbox) -> None:
    """Has Stripe deliver events that say what is so already; they may be refused."""
    ask(sandbox, APP, "python3", "-m", "smartbeak_drills.late_events", "active")


def miss_webhooks(sandbox: Sandbox, span: str) -> None:
    """Has nobody listen while customers change what they have, until so much time has passed."""
    run(sandbox, WEB, "platform-service", "stop")
    _customers(sandbox, "change")
    _control(sandbox, "pass", span)
    run(sandbox, WEB, "platform-service", "start")


def miss_paddle(sandbox: Sandbox, span: str) -> None:
    """The same at Paddle: one buys and one cancels, another one's period ends and is paid."""
    first, second, third = _at_paddle(sandbox, "order", "3").split()
    _control(sandbox, "pay", first, second, host=PADDLE)
    _at_paddle(sandbox, "settled")
    renews, cancels = _at_paddle(sandbox, "of", first, second).split()
    run(sandbox, WEB, "platform-service", "stop")
    _control(sandbox, "pay", third, host=PADDLE)
    _control(sandbox, "renew", renews, host=PADDLE)
    _control(sandbox, "pass", span, host=PADDLE)
    _at_paddle(sandbox, "cancel", cancels)
    _control(sandbox, "pass", "1h", host=PADDLE)
    run(sandbox, WEB, "platform-service", "start")


def double_at_paddle(sandbox: Sandbox, count: str) -> None:
    """Has so many organizations order and pay twice through Paddle."""
    _at_paddle(sandbox, "double", count)


def decline_at_paddle(sandbox: Sandbox, code: str) -> None:
    """Has six customers declined at Paddle's checkout, all for the same reason."""
    _at_paddle(sandbox, "decline", code)


def misdirect_paddle(sandbox: Sandbox) -> None:
    """Has somebody give Paddle another path for webhooks."""
    _at_paddle(sandbox, "astray")


def mark_unprocessed(sandbox: Sandbox) -> None:
    """Has events marked as seen, as by a release that marks them first and then fails."""
    _control(sandbox, "hold")
    _customers(sandbox, "change")
    keys = _customers(sandbox, "keys").split()
    marks = "".join(f"SET {key} 1 EX 86400\n" for key in keys)
    run(sandbox, OPERATOR, "redis-cli", "-e", "-h", "redis-1", given=marks)
    _control(sandbox, "release")


def reorder_webhooks(sandbox: Sandbox) -> None:
    """Has Stripe send two customers' failed and then paid renewals twice and in reverse."""
    _customers(sandbox, "fail")
    _customers(sandbox, "settled")
    _control(sandbox, "hold")
    _control(sandbox, "renew", *(f"sub_example{number}" for number in RENEWED))
    _customers(sandbox, "pay")
    _control(sandbox, "release", "--times", "2", "--reverse")
    _customers(sandbox, "settled")


def change_rows(sandbox: Sandbox) -> None:
    """Has somebody change rows of subscriptions that Stripe knows otherwise."""
    run(
        sandbox, OPERATOR, "psql", "--no-psqlrc", "--quiet", "--host=db-1",
        "--username=smartbeak", "--dbname=smartbeak", "--set=ON_ERROR_STOP=1",
        "--command=UPDATE subscriptions SET status = 'cancelled', grace_until = now(), "
        "updated_at = now() WHERE stripe_subscription_id = 'sub_example1'",
        "--command=UPDATE subscriptions SET plan_id = 'plan_scale', updated_at = now() "
        "WHERE stripe_subscription_id = 'sub_example5'",
    )  # fmt: skip


def _customers(sandbox: Sandbox, what: str) -> str:
    argv = ("python3", "-m", "smartbeak_drills.subscribers", "--config", CONFIG, what)
    return run(sandbox, APP, *argv)


def _at_paddle(sandbox: Sandbox, *words: str) -> str:
    argv = ("python3", "-m", "smartbeak_drills.paddle_customers", "--config", CONFIG, *words)
    return run(sandbox, APP, *argv)


def _control(sandbox: Sandbox, *words: str, host: str = STRIPE) -> None:
    run(sandbox, host, "python3", "-m", "simulators.payments.control", *words)
