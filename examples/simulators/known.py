"""The services that are simulated, by the names they are started with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from simulators.folders import Folders
from simulators.hosting.vercel import Vercel
from simulators.messages import Simulator
from simulators.payments import books, delivery, seed
from simulators.payments.paddle.service import Paddle
from simulators.payments.stripe.service import Stripe
from simulators.store import Store
from simulators.targets.linkedin import LinkedIn
from simulators.targets.wordpress import WordPress


@dataclass(frozen=True)
class Known:
    """One service."""

    kind: str
    """What its folders are called (see `Folders`)."""

    make: Callable[[Folders], Simulator]

    work: Callable[[Folders], None] | None = None
    """What else it does, in a process of its own."""


def _wordpress(folders: Folders) -> Simulator:
    changed = folders.state / "passwords"
    return WordPress(Store(folders.accepted), folders.secret("wordpress"), changed)


def _linkedin(folders: Folders) -> Simulator:
    rate = folders.state / "rate"
    return LinkedIn(Store(folders.accepted), folders.secret("linkedin"), rate)


def _stripe(folders: Folders) -> Simulator:
    path = books(folders)
    seed.stripe(path, folders.secret("stripe-webhook"))
    return Stripe(path, folders.secret("stripe-key"), folders.state / "rate")


def _paddle(folders: Folders) -> Simulator:
    path = books(folders)
    seed.paddle(path, folders.secret("paddle-webhook"))
    return Paddle(path, folders.secret("paddle-key"), folders.state / "rate")


def _vercel(folders: Folders) -> Simulator:
    return Vercel(folders.state / "vercel.json", folders.secret("vercel"))


KNOWN: Mapping[str, Known] = {
    "wordpress": Known("target", _wordpress),
    "linkedin": Known("target", _linkedin),
    "vercel": Known("target", _vercel),
    "stripe": Known("payments", _stripe, delivery.stripe),
    "paddle": Known("payments", _paddle, delivery.paddle),
}
"""By name."""
