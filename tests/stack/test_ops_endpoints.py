"""Where Stripe sends its events, as `sb` tells it of the endpoints that Stripe has."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from smartbeak_ops.looks import provider
from smartbeak_ops.looks.seen import Seen

WEB = "http://web:3000"
RIGHT = f"{WEB}{provider.PATH}"
SLIP = f"{WEB}/api/webhook/stripe"


@pytest.mark.parametrize(
    ("endpoints", "path", "said"),
    [
        pytest.param([(RIGHT, "enabled")], "right", [], id="as it should be"),
        pytest.param(
            [(SLIP, "enabled"), (RIGHT, "enabled")], "right", [], id="another one is elsewhere"
        ),
        pytest.param(
            [(SLIP, "enabled")],
            "wrong",
            ["stripe: webhooks go to /api/webhook/stripe, not to /api/webhooks/stripe"],
            id="a slip",
        ),
        *(
            pytest.param(found, "off", ["stripe: webhooks are switched off"], id=name)
            for name, found in {
                "disabled": [(RIGHT, "disabled")],
                "disabled, and another one is elsewhere": [(SLIP, "enabled"), (RIGHT, "disabled")],
                "disabled after a slip": [(SLIP, "disabled")],
                "none": [],
            }.items()
        ),
    ],
)
def test_where_stripe_sends_its_events_is_told(
    endpoints: list[tuple[str, str]], path: str, said: list[str]
) -> None:
    seen = Seen()
    found: Any = [SimpleNamespace(url=url, status=status) for url, status in endpoints]
    provider.heard(seen, found)
    assert (seen.facts, seen.lines) == ({"stripe.path": path}, said)
