"""All that the engine takes from here: `x-drillbook.drills` of the stack names this module."""

from __future__ import annotations

from drillbook.drills.declarations import Oracle
from drillbook.drills.kit import Kit
from smartbeak_drills import faults
from smartbeak_drills.oracles import names
from smartbeak_drills.places import API, AWS, KUBERNETES, PADDLE, STRIPE_WAN, VERCEL, WEB


def _needs(oracle: str) -> tuple[str, ...]:
    if oracle in names.OF_STRIPE:
        return WEB, STRIPE_WAN
    if oracle in names.OF_PADDLE:
        return WEB, PADDLE
    if oracle in names.OF_WEB:
        return (WEB,)
    if oracle in names.OF_CLUSTER:
        return (KUBERNETES,)
    if oracle in names.BEHIND_BALANCER:
        return API, AWS
    if oracle in names.OF_SITE:
        return (VERCEL,)
    if oracle in names.OF_EVIDENCE:
        return (AWS,)
    return (API,) if oracle in names.OF_PLATFORM else ()


KIT = Kit(
    prober="smartbeak_drills.prober",
    oracles=[Oracle(name, served, needs=_needs(name)) for name, served in names.ALL.items()],
    faults=faults.FAULTS,
    kinds=faults.KINDS,
)
