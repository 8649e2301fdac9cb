"""Measures the book's reconciliations with Stripe and Paddle on a busy day.

See `busy_day.py` and `busy_paddle.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from benchmarks.measure import Row
from drillbook import plan
from drillbook.sandboxes.local import LocalBackend
from drillbook.sandboxes.local_sandbox import LocalSandbox

HERE = Path(__file__).parent
SERVICES = ["ops", "app", "db-1", "redis-1", "web", "stripe", "stripe-wan", "paddle"]
PAGE, PROGRAM = "runbooks/payment-processing-issues/reconciliation", "program"
SUBSCRIPTIONS, EVENTS = 10_000, 100_000
_TENTH = 10
_TIMEOUT_S = 300

_ROWS = """
INSERT INTO organizations (id, name, stripe_customer_id)
SELECT 'org_bench' || n, 'Bench', 'cus_bench' || n FROM generate_series(0, {last}) AS n;
INSERT INTO subscriptions (id, org_id, plan_id, status, stripe_customer_id, stripe_subscription_id)
SELECT 'bench_' || n, 'org_bench' || n, CASE n WHEN 1 THEN 'plan_scale' ELSE 'plan_pro' END,
       'active', {customer}, {subscription} FROM generate_series(0, {last}) AS n
WHERE n <> 2;
"""
"""One of them has another plan than the provider says, one is missing."""


@dataclass(frozen=True)
class Book:
    """One provider's reconciliation."""

    provider: str
    fill: str
    """Program that fills the provider, beside this file."""

    customer: str
    subscription: str
    """Columns of a row, in SQL."""

    run: str
    """Typed on ops; `begins` and `ends` are days."""

    says: str
    """The end of what it says of so many events."""


BOOKS = (
    Book(
        "Stripe", "busy_day.py", "'cus_bench' || n", "'sub_bench' || n",
        "python3 /tmp/reconcile.py {begins} {ends}",
        "{events} events, 50 not delivered\n3 off",
    ),
    Book(
        "Paddle", "busy_paddle.py", "NULL", "NULL",
        "sb show paddle --since {begins} --until {ends}",
        "{begins} taken {taken}, back 0.00\ntaken {taken}; 3 of {subscriptions} off",
    ),
)  # fmt: skip

_MEASURE = """
import json, resource, subprocess, sys, time
begin = time.perf_counter()
done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
took = time.perf_counter() - begin
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(json.dumps([took, peak, done.stdout + done.stderr]))
"""


def rows(root: Path, runs: int) -> Iterator[Row]:
    """Time and memory of all of it; memory beside that of a tenth."""
    for book in BOOKS:
        small = [_measured(root, book, SUBSCRIPTIONS // _TENTH, EVENTS // _TENTH)]
        large = [_measured(root, book, SUBSCRIPTIONS, EVENTS) for _ in range(runs)]
        what = f"{book.provider}: {SUBSCRIPTIONS:,} subscriptions, {EVENTS:,} events"
        for name, unit, bar, at in (("", "s", "<= 60 s", 0), (", memory", "MB", "<= 2 times", 1)):
            values = sorted(each[at] for each in large)
            middle, tenth = values[len(values) // 2], small[0][at]
            yield Row(
                what + name, bar, middle, unit, "a tenth of it", tenth, middle / tenth,
                (values[0], values[-1]),
            )  # fmt: skip


def _measured(root: Path, book: Book, subscriptions: int, events: int) -> tuple[float, float]:
    """Seconds and MB of one run, whose findings must be those that were planted."""
    program = _program(root)
    sandbox = LocalBackend(root).open(SERVICES, label="bench")
    try:
        fill = ["python3", "-", str(subscriptions), str(events)]
        day = _said(sandbox, book.provider.lower(), fill, (HERE / book.fill).read_text()).strip()
        psql = ["bash", "-c", 'psql --quiet --host "$(sb primary)" --username smartbeak smartbeak']
        made = {"customer": book.customer, "subscription": book.subscription}
        _said(sandbox, "ops", psql, _ROWS.format(last=subscriptions - 1, **made))
        _said(sandbox, "ops", ["bash", "-c", "cat >/tmp/reconcile.py"], program)
        known = {
            **{"begins": day, "ends": date.fromisoformat(day) + timedelta(days=1)},
            **{"events": events, "subscriptions": subscriptions},
            "taken": f"{49 * (subscriptions + 1)}.00",
        }
        run = f"python3 -c '{_MEASURE}' {book.run.format(**known)}"
        took, peak, said = json.loads(_said(sandbox, "ops", ["bash", "-c", run]))
        wanted = book.says.format(**known).splitlines()
        if said.splitlines()[-len(wanted) :] != wanted:
            raise SystemExit(f"the reconciliation says: {said[-2000:]}")
        return took, peak
    finally:
        sandbox.close()


def _program(root: Path) -> str:
    """What the page has the reader type."""
    (text,) = {
        snippet.text
        for page in plan.build(root).pages
        for scenario in page.scenarios
        for snippet in scenario.snippets
        if snippet.id == f"{PAGE}#{PROGRAM}"
    }
    return text.partition("<<'PYTHON'\n")[2].rpartition("PYTHON")[0]


def _said(sandbox: LocalSandbox, host: str, argv: list[str], text: str = "") -> str:
    reply = sandbox.host(host).request("exec", timeout_s=_TIMEOUT_S, argv=argv, input=text)
    if reply["status"] != 0:
        raise SystemExit(f"{host}: {reply['stdout'][-500:]}{reply['stderr'][-2000:]}")
    return str(reply["stdout"])
