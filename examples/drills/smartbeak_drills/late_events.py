"""Delivers events of Stripe late: each says of a payer what was so two minutes ago.

    python3 -m smartbeak_drills.late_events past_due|active

Stripe promises no order. The events are signed rightly and within the tolerance.
"""

from __future__ import annotations

import sys
import time
import uuid

from drillbook.inside.trouble import Trouble
from smartbeak_drills.agreed import PAYERS
from smartbeak_drills.places import WEB_URL
from smartbeak_drills.users.calls import Line
from smartbeak_drills.users.webhooks import send, stripe_event

_LATE_S = 120


def main() -> int:
    """Sends them; returns the exit status."""
    (status,) = sys.argv[1:]
    line = Line(WEB_URL, timeout_s=30.0)
    try:
        for payer in PAYERS:
            body = stripe_event(
                f"evt_{uuid.uuid4().hex}",
                "customer.subscription.updated",
                {"id": payer, "customer": payer.replace("sub", "cus"), "status": status},
                int(time.time()) - _LATE_S,
            )
            send(line, "stripe", body)
    except Trouble as error:
        print(f"late_events: {error.text}", file=sys.stderr)
        return 1
    finally:
        line.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
