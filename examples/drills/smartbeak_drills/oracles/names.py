"""The oracles by name, and when each says that users are served.

What they do is in `smartbeak_drills.oracles.table`; the book's table is made from here.
"""

from __future__ import annotations

from collections.abc import Mapping

OF_ROWS: Mapping[str, str] = {
    "writes": "The kept connection and a new one take writes at the configured address; with "
    "`api`, as `content`.",
    "connections": "A new connection of the platform's role works; with `api`, `content` as well.",
    "replica": "A replica streams, is less than 1 MB behind and shows what was confirmed "
    "0.5 s ago.",
    "rows": "The rows from before the fault are there unchanged, and so is every confirmed write.",
    "logins": "As `writes`; only roles of the platform log in to the database, and no member has "
    "another role than before.",
    "one-primary": "As `writes`, and for a second no two servers took writes at the same time.",
    "kept-up": "As `writes`; no slot that nobody reads holds more than 64 MB of WAL, the archive "
    "is at most three files behind, no session of the platform's role is older than 100,000 "
    "transactions, and no database than 200 million.",
    "roles": "`db-1` is the primary that the platform writes to, and `db-2` follows it.",
}
"""Oracles of the databases: with them numbered rows are written as well."""

OF_PLATFORM: Mapping[str, str] = {
    "content": "Content is written and read back in time, on a kept connection and on a new one.",
    "publishing": "Publishing jobs are acknowledged, none is late, and one of the newest is "
    "published.",
    "once": "As `publishing`; of the jobs for a piece that a client wanted published once, one is "
    "left that waits or is published.",
    "redis": "As `content` and `publishing`, and Redis answers at the configured address.",
    "followed": "As `content`, and a replica is in step with the Redis at the configured address.",
    "fresh": "As `content`, and what readers are answered is what the database holds.",
    "revoked": "A token that was revoked is refused, and a good one is taken.",
    "restored": "As `redis` and `revoked`.",
    "shut-out": "As `content`; what an intruder stole is refused, and what was done with it is "
    "undone.",
    "turned-away": "As `content`, through the load balancer; an address that floods it with "
    "guesses is answered 403, and no user ever was.",
    "unspied": "As `content`; nothing has come to an intruder's listener for 3 s, and a check of "
    "the release has ended well since.",
    "logged-out": "As `content`; a stolen login is refused by every database server, no session of "
    "it is left, and no request of a user failed since it was stolen.",
}
"""Oracles that look at the platform and cannot do without it."""

OF_CLUSTER: Mapping[str, str] = {
    "released": "As `content`, for 6 s without a trouble; of the visits of these none failed and "
    "half took less than 0.5 s.",
    "worked": "As `publishing`.",
    "rolled": "As `content`, and every Deployment has one release, whose pods all serve.",
}
"""Oracles that look at the platform in the simulated cluster."""

OF_WEB: Mapping[str, str] = {
    "webhooks": "Events of Stripe and Paddle, signed as they sign them, are taken.",
    "settled": "As `webhooks`; customers buy, and who bought something paid for it once, to the "
    "cent, and has it once, at Stripe and on the platform.",
    "settled-at-paddle": "As `settled`, through Paddle: who paid there has the plan, who cancelled "
    "the free one, and each paid once, to the cent.",
    "agreed": "As `webhooks`, and of every subscription Stripe and the platform say the same.",
    "answered": "As `agreed`; no dispute waits for an answer, and who has the money back has no "
    "live subscription at Stripe.",
    "paddled": "As `webhooks`, and each organization that Paddle knows has the plan that it pays "
    "there, or the free one.",
    "entitled": "As `webhooks`, and each watched payer's subscription is active.",
    "unforged": "As `webhooks`; an event signed with a stolen secret is refused, and what forged "
    "ones granted is taken back.",
}
"""Oracles that look at the web host: with them events are sent as the providers send them."""

OF_SITE: Mapping[str, str] = {
    "site": "The first page of the web application that Vercel serves is there.",
}
"""Oracles that look at Vercel; with them numbered rows are written as well."""

OF_EVIDENCE: Mapping[str, str] = {
    "intact": "Of each object in the bucket for evidence the version that a reader gets is, byte "
    "for byte, the one that was put there first.",
    "preserved": "Once somebody is in the database with a stolen login, a package in the bucket "
    "agrees with its list of hashes and shows that session.",
}
"""Oracles that look at the bucket; with them numbered rows are written as well."""

OF_PADDLE_BUYERS = ("settled-at-paddle",)
"""Those of them with which customers buy through Paddle."""

OF_PADDLE = (*OF_PADDLE_BUYERS, "paddled")
"""Those of them that ask Paddle as well."""

OF_BUYERS = ("settled",)
"""Those of them with which customers buy."""

OF_STRIPE = (*OF_BUYERS, "agreed", "answered")
"""Those of them that ask Stripe as well."""

OF_SPLIT = ("one-primary",)
"""Oracles for which a split brain is the outage itself."""

ALL: Mapping[str, str] = {
    **OF_ROWS, **OF_PLATFORM, **OF_CLUSTER, **OF_WEB, **OF_SITE, **OF_EVIDENCE,
}  # fmt: skip

BEHIND_BALANCER = ("turned-away",)
"""Oracles for which users reach the API by its public name, through the load balancer."""

WITH_VICTIM = ("shut-out",)
"""Oracles that want a user whose session can be stolen."""

WITH_LEAVER = ("revoked", "restored")
"""Oracles that want somebody whose tokens were revoked."""
