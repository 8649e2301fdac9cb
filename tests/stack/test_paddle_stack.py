"""The simulated Paddle in the stack: under its own name, and the platform that it tells."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from drillbook.drills import faults
from drillbook.sandboxes.local import LocalBackend
from smartbeak_drills.kit import KIT
from tests.stack.box import Box

_PLANS = (
    'psql -h db-1 -U smartbeak -d smartbeak -At -c "SELECT org_id, plan_id FROM subscriptions '
    "WHERE org_id LIKE 'org_paddle_%' ORDER BY 1\""
)
_ASKED = """
import json, os, pathlib
from paddle_billing import Client
paddle = Client(pathlib.Path("/run/secrets/paddle-key").read_text().strip())
paddle.client.verify = os.environ["SSL_CERT_FILE"]
print(json.dumps([each.status.value for each in paddle.subscriptions.list()]))
"""


@pytest.fixture(scope="module")
def box(local_backend: LocalBackend) -> Iterator[Box]:
    box = Box(local_backend, ["app", "db-1", "redis-1", "web", "paddle"])
    yield box
    box.close()


def test_paddle_tells_the_platform_what_it_takes_and_the_rest_is_too_old(box: Box) -> None:
    faults.inject(faults.parse("miss-paddle 2h", KIT), KIT, box.sandbox)
    # Two were told while somebody listened; that the second cancelled, and the third bought, not.
    assert box.shell("ops", _PLANS).split() == [
        *("org_paddle_1|plan_pro", "org_paddle_2|plan_pro", "org_paddle_3|plan_free"),
    ]
    said = json.loads(box.shell("ops", "python3 -", _ASKED))
    assert said == ["active", "canceled", "active"]
