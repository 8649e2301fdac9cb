"""Addresses that a customer may not make the platform call: those inside a network."""

from __future__ import annotations

import ipaddress
import socket

_OURSELVES = ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback")


def is_inside(host: str) -> bool:
    """Whether a host is written as an address that is not on the internet.

    Only the text is looked at. What a name leads to is known when it is called, and may be
    another address by then.

    Args:
        host: A name, or an IPv4 address in any form that a resolver takes: `127.1`,
            `2130706433` and `0x7f.0.0.1` are all 127.0.0.1.
    """
    name = host.lower().rstrip(".")
    if name in _OURSELVES or name.endswith(".localhost"):
        return True
    try:
        # Unlike ipaddress, it reads an address as getaddrinfo does.
        packed = socket.inet_aton(name)
    except OSError:
        return False
    address = ipaddress.IPv4Address(packed)
    return not address.is_global or address.is_multicast
