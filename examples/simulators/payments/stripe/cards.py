"""Cards: the test payment methods of https://docs.stripe.com/testing, and how they decline.

No card number ever comes here: a request with one is refused, as Stripe refuses it unless
an account asks to be allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulators.payments.ledger import Thing
from simulators.payments.stripe import lists, parameters
from simulators.payments.stripe.desk import Desk
from simulators.payments.stripe.errors import StripeError


@dataclass(frozen=True)
class Card:
    """What comes of a charge."""

    code: str = ""
    """Error code; empty where the charge succeeds."""

    decline: str = ""
    """Decline code."""

    message: str = "Your card was declined."
    blocked: str = ""
    """Why Radar, not the bank, refuses it; empty where it does not."""

    disputed: bool = False
    """Whether the cardholder disputes it afterwards."""

    asks: bool = False
    """Whether the bank wants the cardholder to confirm."""


def _declined(code: str, message: str = "Your card was declined.") -> Card:
    return Card("card_declined", code, message)


CARDS: Mapping[str, Card] = {
    "visa": Card(),
    "mastercard": Card(),
    "amex": Card(),
    "createDispute": Card(disputed=True),
    "authenticationRequired": Card(asks=True),
    "chargeCustomerFail": _declined("generic_decline"),
    "chargeDeclined": _declined("generic_decline"),
    "visa_chargeDeclined": _declined("generic_decline"),
    "chargeDeclinedInsufficientFunds": _declined(
        "insufficient_funds", "Your card has insufficient funds."
    ),
    "visa_chargeDeclinedInsufficientFunds": _declined(
        "insufficient_funds", "Your card has insufficient funds."
    ),
    "visa_chargeDeclinedLostCard": _declined("lost_card"),
    "visa_chargeDeclinedStolenCard": _declined("stolen_card"),
    "visa_chargeDeclinedVelocityLimitExceeded": _declined(
        "card_velocity_exceeded",
        "Your card was declined for making repeated attempts too frequently "
        "or exceeding its amount limit.",
    ),
    "chargeDeclinedExpiredCard": Card("expired_card", "expired_card", "Your card has expired."),
    "chargeDeclinedIncorrectCvc": Card(
        "incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."
    ),
    "chargeDeclinedProcessingError": Card(
        "processing_error",
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
    ),
    "radarBlock": Card("card_declined", "fraudulent", blocked="highest_risk_level"),
}
"""By what stands behind `pm_card_`."""

LISTED = Card("card_declined", "fraudulent", blocked="rule")
"""What comes of a card that is on one of Radar's block lists."""

_PREFIX = "pm_card_"
_CARD = {"brand": "visa", "country": "US", "exp_month": 12, "exp_year": 2034, "funding": "credit"}
_NUMBER = StripeError(
    "Sending credit card numbers directly to the Stripe API is generally unsafe. To continue "
    "processing use Stripe.js, the Stripe mobile bindings, or Stripe Elements.",
    status=402,
    kind="invalid_request_error",
)


def of_customer(desk: Desk, named: str, customer: str | None) -> Thing:
    """A payment method to charge; a test one becomes a new one, as at Stripe.

    Raises:
        StripeError: There is none, or it is another customer's.
    """
    name = named.removeprefix(_PREFIX)
    if named.startswith(_PREFIX) and name in CARDS:
        fields = {
            **{"type": "card", "customer": None, "_behaves": name},
            "billing_details": {"address": None, "email": None, "name": None, "phone": None},
            "card": {**_CARD, "last4": f"{4242 + list(CARDS).index(name):04}"},
        }
        return desk.make("payment_method", "pm_", fields)
    method = desk.get("payment_method", named, "payment_method")
    if method["customer"] not in (None, customer):
        raise StripeError(
            "The customer does not have a payment method with the ID "
            f"{named}. The payment method must be attached to the customer.",
            "resource_missing",
            "payment_method",
        )
    return method


def behaviour(method: Thing) -> Card:
    """What comes of charging it."""
    return CARDS[method["_behaves"]]


def create(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/payment_methods`: from a token; never from a number."""
    if isinstance(sent.get("card"), Mapping) and "number" in sent["card"]:
        raise _NUMBER
    card = parameters.group({"token": parameters.text}, ["token"])
    fields = {"type": parameters.one_of("card"), "card": card, "metadata": parameters.metadata}
    values = parameters.checked(sent, fields, ["type", "card"])
    token = str(values["card"]["token"])
    name = token.removeprefix("tok_")
    if not token.startswith("tok_") or name not in CARDS:
        raise StripeError(f"No such token: '{token}'", "resource_missing", "card[token]")
    method = of_customer(desk, _PREFIX + name, None)
    return desk.change(method, {"metadata": values.get("metadata", {})})


def attach(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/payment_methods/:id/attach`."""
    values = parameters.checked(sent, {"customer": parameters.text}, ["customer"])
    customer = desk.get("customer", values["customer"], "customer")
    method = of_customer(desk, key, customer["id"])
    if method["customer"]:
        words = "The payment method you provided has already been attached to a customer."
        raise StripeError(words, param="payment_method")
    if method["_behaves"] != "chargeCustomerFail" and behaviour(method).code:
        raise refusal(behaviour(method))
    return desk.change(method, {"customer": customer["id"]}, "payment_method.attached")


def detach(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/payment_methods/:id/detach`."""
    parameters.checked(sent, {})
    method = desk.get("payment_method", key)
    if not method["customer"]:
        words = "The payment method you provided is not attached to a customer."
        raise StripeError(words, param="payment_method")
    return desk.change(method, {"customer": None}, "payment_method.detached")


def listed(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`GET /v1/payment_methods`."""
    fields = {"customer": parameters.text, "type": parameters.one_of("card")}
    return lists.listed(desk, "payment_method", "/v1/payment_methods", sent, fields)


def refusal(card: Card, **more: Any) -> StripeError:
    """The error that a declined charge is answered with; what it did is kept."""
    return StripeError(
        card.message,
        card.code,
        status=402,
        kind="card_error",
        keeps=True,
        decline_code=card.decline,
        **more,
    )
