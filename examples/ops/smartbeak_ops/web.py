"""Requests to the platform's processes that end."""

from __future__ import annotations

import time
from dataclasses import dataclass

import urllib3

ANSWER_S = 3.0


@dataclass(frozen=True, slots=True)
class Reply:
    """How a request was answered."""

    status: int
    """HTTP status; 0 without an answer."""

    text: str
    """The body, or why there is none."""

    took_s: float

    silent: bool = False
    """Whether it was connected and got no answer: something listens there."""

    @property
    def answered(self) -> bool:
        """Whether there was an answer, of whatever kind."""
        return self.status != 0


def get(url: str, *, wait_s: float = ANSWER_S) -> Reply:
    """Asks for a page without signing in."""
    return request("GET", url, wait_s=wait_s)


def request(
    method: str,
    url: str,
    *,
    token: str = "",
    body: object = None,
    wait_s: float = ANSWER_S,
) -> Reply:
    """Makes a request; a failure is an answer too."""
    began = time.perf_counter()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib3.PoolManager(retries=False) as pool:
            answer = pool.request(
                method,
                url,
                headers=headers,
                json=body,
                redirect=False,
                timeout=urllib3.Timeout(connect=wait_s, read=wait_s),
            )
    except urllib3.exceptions.HTTPError as error:
        silent = isinstance(error, urllib3.exceptions.ReadTimeoutError)
        return Reply(0, _reason(error), time.perf_counter() - began, silent)
    text = answer.data.decode(errors="replace")
    return Reply(answer.status, text, time.perf_counter() - began)


def _reason(error: Exception) -> str:
    """Why there is no answer, without the object that did not get it."""
    return str(error).rpartition(": ")[2] or type(error).__name__


def probe(url: str, yes: str, no: str) -> str:
    """The one word or the other, by the status; `no answer` without one."""
    return said(get(url), yes, no)


def said(reply: Reply, yes: str, no: str) -> str:
    """What the answer of a probe says.

    A program that does not know the probe is not the platform's: it only has its port.
    """
    if not reply.answered or reply.status == 404:
        return "no answer"
    return yes if 200 <= reply.status < 300 else no
