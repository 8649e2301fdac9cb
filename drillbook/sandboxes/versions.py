"""Which versions of its servers a sandbox runs, as the servers themselves say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from drillbook.sandboxes.sandbox import Host
from drillbook.sandboxes.stack import Service

_NUMBER = re.compile(r"\d+(\.\d+)+")
_TIMEOUT_S = 10.0


def read(services: Iterable[Service], host: Callable[[str], Host]) -> dict[str, str]:
    """Server versions, e.g. `{"postgresql": "15.18"}`; one host is asked for each.

    Args:
        services: Services of the sandbox; they name the commands.
        host: The host of a name.
    """
    found: dict[str, str] = {}
    for service in services:
        for name, argv in service.versions.items():
            if name not in found:
                reply = host(service.name).request("exec", timeout_s=_TIMEOUT_S, argv=list(argv))
                number = _NUMBER.search(reply["stdout"])
                if number:
                    found[name] = number.group()
    return found
