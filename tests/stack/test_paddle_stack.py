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
    """A platform that nothing was told of the last two hours; no test changes its plans."""
    box = Box(local_backend, ["app", "db-1", "redis-1", "web", "paddle"])
    faults.inject(faults.parse("miss-paddle 2h", KIT), KIT, box.sandbox)
    yield box
    box.close()


def test_paddle_tells_the_platform_what_it_takes_and_the_rest_is_too_old(box: Box) -> None:
    # Two were told while somebody listened; that the second cancelled, and the third bought, not.
    assert box.shell("ops", _PLANS).split() == [
        *("org_paddle_1|plan_pro", "org_paddle_2|plan_pro", "org_paddle_3|plan_free"),
    ]
    said = json.loads(box.shell("ops", "python3 -", _ASKED))
    assert said == ["active", "canceled", "active"]


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        ("seq -f 'org_%g|plan_pro|plan_free' 20", "21 listed, at most 20 at once"),
        ("echo 'org_paddle_2|plan_gold|plan_pro'", "a plan that is listed is unknown here"),
        ("echo 'org_nobody|plan_pro|plan_free'", "no active subscription"),
        ("echo 'org_5|plan_pro|plan_free'", "pays at Stripe"),
        ("echo 'org_paddle_2|plan_free|plan_scale'", "a row has changed since it was listed"),
    ],
)
def test_plans_are_changed_all_or_none_and_each_reason_to_refuse_is_said(
    box: Box, listed: str, reason: str
) -> None:
    before = box.shell("ops", _PLANS)
    good = "echo 'org_paddle_3|plan_pro|plan_free'"
    said = box.shell(
        "ops",
        f"cd && ({good}; {listed}) >paddle.txt && ! psql --set last=COMMIT --quiet -At -h db-1 "
        "-U smartbeak -d smartbeak --file /opt/smartbeak/ops/sql/plans-from-paddle.sql 2>&1",
    )
    assert "REFUSED" in said and reason in said
    assert box.shell("ops", _PLANS) == before


def test_plans_of_too_much_money_are_refused(box: Box) -> None:
    box.sql(
        "INSERT INTO organizations (id, name) SELECT 'org_many_' || n, 'x' FROM "
        "generate_series(1, 6) n; INSERT INTO subscriptions (id, org_id, plan_id, status) "
        "SELECT 'row_many_' || n, 'org_many_' || n, 'plan_free', 'active' "
        "FROM generate_series(1, 6) n"
    )
    said = box.shell(
        "ops",
        "cd && seq -f 'org_many_%g|plan_scale|plan_free' 6 >paddle.txt && ! psql --quiet -At "
        "--set last=COMMIT -h db-1 -U smartbeak -d smartbeak "
        "--file /opt/smartbeak/ops/sql/plans-from-paddle.sql 2>&1",
    )
    assert "REFUSED: plans of 119400 cents a month change, at most 100000" in said


def test_sb_counts_to_the_cent_and_says_no_address(box: Box) -> None:
    said = box.shell("ops", "sb show paddle --since 2026-01-01 || echo status $?")
    lines = said.splitlines()
    days = [line for line in lines if line[0].isdigit()]  # two around midnight
    assert sum(float(line.split()[2].rstrip(",")) for line in days) == 196
    assert [line for line in lines if line not in days] == [
        "org_paddle_1: taken 98.00 in 2, pays 49.00 a month, has 49.00",
        "org_paddle_2: taken 49.00 in 1, pays 0.00 a month, has 49.00",
        "org_paddle_3: taken 49.00 in 1, pays 49.00 a month, has 0.00",
        "taken 196.00; 2 of 3 off",
        "status 1",
    ]
    names = ("paddle-key", "paddle-webhook", "stripe-webhook", "smartbeak", "jwt-key-1")
    secrets = [box.shell("app", f"cat /run/secrets/{name}").strip() for name in names]
    kept = said + box.shell("ops", "sb triage payments; sb look payments; sb show paddle")
    kept += box.shell("ops", "sb evidence --to /tmp/kept >&2 && cat /tmp/kept/*")
    kept += box.shell("paddle", "cat /var/log/payments/payments.log")
    kept += box.shell("web", "cat /var/log/smartbeak/platform.log")
    assert "paddle: " in kept and "webhook processed" in kept
    for secret in secrets:
        assert len(secret) > 8 and secret not in kept
    assert "@example.com" not in kept
