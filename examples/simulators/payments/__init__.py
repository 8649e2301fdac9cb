"""Providers of payments: Stripe and Paddle, under their own host names.

They keep everything in `/var/lib/payments/ledger.db` and begin with what the platform's
first rows say of their customers. A process beside the server sends webhooks, signed as
the provider signs, and tries again as it does; TIME_SCALE in its environment divides the
delays between attempts. Further files:

| Path | What |
|---|---|
| `/var/lib/payments/rate` | `REQUESTS SECONDS`: another rate limit than the provider's |
| `/run/secrets/stripe-key`, `paddle-key` | what clients authenticate with |
| `/run/secrets/stripe-webhook`, `paddle-webhook` | what the platform's endpoint is signed for |

`python3 -m simulators.payments.control`, on the provider's host, does what the provider's
dashboard and time do; see there.

What is not simulated is answered with 501 and fails the run: other versions of Stripe's
API than 2023-10-16, routes and parameters not listed in `stripe.service` and
`paddle.service`. What each part leaves out, its module says.
"""

from __future__ import annotations

from pathlib import Path

from simulators.folders import Folders


def books(folders: Folders) -> Path:
    """Where the ledger is."""
    return folders.state / "ledger.db"
