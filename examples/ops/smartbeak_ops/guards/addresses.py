"""Guards of addresses: few at a time are refused, and none of ours."""

from __future__ import annotations

import contextlib
import ipaddress
import socket

from smartbeak_ops.refusal import RefusedError

WIDEST = 24
"""Prefix of the largest network that one person may block; wider is the Technical Lead's."""

OURS = ("ops", "api", "web", "worker", "worker-eu", "app")
"""Hosts from which the platform and its users ask."""


def block(network: str) -> None:
    """An address or a small network may be blocked.

    Raises:
        RefusedError: It is none, is too wide, or one of ours is in it.
    """
    try:
        wanted = ipaddress.IPv4Network(network)
    except ValueError as error:
        raise RefusedError(f"{network} is no network: an address is written with /32") from error
    if wanted.prefixlen < WIDEST:
        raise RefusedError(f"{network} is wider than /{WIDEST}: the Technical Lead decides")
    for host in OURS:
        with contextlib.suppress(OSError):
            if ipaddress.IPv4Address(socket.gethostbyname(host)) in wanted:
                raise RefusedError(f"{host} is in {network}")
