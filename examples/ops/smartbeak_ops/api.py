"""The platform's API, as an admin uses it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from smartbeak_ops import settings, tokens, web

ANSWER_S = 5.0
WAIT_S = 5.0
"""Seconds between two tries where the API limits how often it is asked."""


class Api:
    """Requests as an admin of each organization that is asked for.

    Args:
        wait: Told why it waits, where the API limits how often it is asked.
    """

    def __init__(self, wait: Callable[[str], None] = lambda _: None) -> None:
        self._wait = wait
        self._tokens: dict[str, tuple[float, str]] = {}

    def ask(self, method: str, path: str, org: str = "org_1", body: object = None) -> web.Reply:
        """How a request is answered."""
        return web.request(
            method, settings.API + path, token=self._token(org), body=body, wait_s=ANSWER_S
        )

    def insist(self, method: str, path: str, org: str) -> web.Reply:
        """The same; waits as long as it is only asked too often."""
        while (reply := self.ask(method, path, org)).status == 429:
            self._wait(f"{org}: asked too often, waiting")
            time.sleep(WAIT_S)
        return reply

    def _token(self, org: str) -> str:
        until, token = self._tokens.get(org, (0.0, ""))
        if until < time.time():
            token = tokens.sign(org)
            self._tokens[org] = (time.time() + tokens.LIFE_S / 2, token)
        return token


def said(reply: web.Reply) -> str:
    """An answer in one line: the status, and what an error says."""
    if not reply.answered:
        return f"no answer ({reply.text})"
    body = parsed(reply)
    words = body.get("error") if isinstance(body, dict) else None
    code = body.get("code") if isinstance(body, dict) else None
    if words:
        return f"{reply.status} {words}" + (f" ({code})" if code else "")
    return str(reply.status)


def parsed(reply: web.Reply) -> Any:
    """The body of an answer; None if it is no JSON."""
    try:
        return json.loads(reply.text)
    except ValueError:
        return None
