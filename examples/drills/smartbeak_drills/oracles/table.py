"""All oracles by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from drillbook.inside.oracle import All, Oracle
from drillbook.inside.probing import CannotLook
from smartbeak_drills import collector
from smartbeak_drills.oracles.base import PATIENCE_S, Surroundings
from smartbeak_drills.oracles.database import Connections, OnePrimary, Replica, Roles, Rows, Writes
from smartbeak_drills.oracles.evidence import Intact, Preserved
from smartbeak_drills.oracles.payments import (
    Agreed,
    Answered,
    Entitled,
    Paddled,
    Settled,
    WebhooksTaken,
)
from smartbeak_drills.oracles.platform import (
    ContentServed,
    Fresh,
    OrderedOnce,
    PublishingServed,
    RedisFollowed,
    RedisReached,
    Revoked,
)
from smartbeak_drills.oracles.releases import Quiet, RolledOut, Visited
from smartbeak_drills.oracles.security import (
    LoggedOut,
    Logins,
    ShutOut,
    TurnedAway,
    Unforged,
    Unspied,
)
from smartbeak_drills.oracles.site import SiteServed
from smartbeak_drills.oracles.upkeep import Upkeep
from smartbeak_drills.places import SITE_URL, WEB_URL
from smartbeak_drills.resp import Redis
from smartbeak_drills.users.buyers import Buyers
from smartbeak_drills.users.calls import Line
from smartbeak_drills.users.content import Content
from smartbeak_drills.users.leavers import Leaver
from smartbeak_drills.users.platform import Platform
from smartbeak_drills.users.publishing import Publishing
from smartbeak_drills.users.readers import Readers
from smartbeak_drills.users.visits import WINDOW_S, Visits
from smartbeak_drills.users.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class Means:
    """What there is to look at."""

    around: Surroundings
    platform: Platform | None = None
    content: Content | None = None
    publishing: Publishing | None = None
    redis: Callable[[], Redis] | None = None
    """Connects to Redis at the configured address."""

    readers: Readers | None = None
    leaver: Leaver | None = None
    webhooks: Webhooks | None = None
    visits: Visits | None = None
    """Only in the cluster, and only for the oracle that looks at them."""

    cluster: str = ""
    """Address of the simulated cluster; empty without one."""

    buyers: Buyers | None = None


def make(name: str, means: Means) -> Oracle:
    """The oracle of that name, as far as there is something to look at.

    Raises:
        CannotLook: There is not.
    """
    return _ORACLES[name](means)


def _content(means: Means) -> Oracle:
    if means.platform is None or means.content is None:
        raise CannotLook("there is no host `api`")
    return ContentServed(means.content, means.platform)


def _publishing(means: Means) -> Oracle:
    if means.publishing is None:
        raise CannotLook("there is no worker with a target that it reaches")
    return PublishingServed(means.publishing)


def _once(means: Means) -> Oracle:
    return All(_publishing(means), OrderedOnce(means.around.platform))


def _writes(means: Means) -> Oracle:
    return _content(means) if means.content else Writes(means.around)


def _connections(means: Means) -> Oracle:
    new = Connections(means.around)
    return All(_content(means), new) if means.content else new


def _redis(means: Means) -> Oracle:
    parts = [_content(means)]
    if means.publishing:
        parts.append(_publishing(means))
    if means.redis:
        parts.append(RedisReached(means.redis))
    return All(*parts)


def _followed(means: Means) -> Oracle:
    content = _content(means)
    assert means.redis, "it comes with content"
    return All(content, RedisFollowed(means.redis))


def _fresh(means: Means) -> Oracle:
    content = _content(means)
    assert means.platform and means.readers, "they come with content"
    return All(content, Fresh(means.readers, means.platform))


def _revoked(means: Means) -> Oracle:
    if means.platform is None or means.leaver is None:
        raise CannotLook("there is no host `api`")
    return Revoked(means.leaver, means.platform)


def _restored(means: Means) -> Oracle:
    return All(_redis(means), _revoked(means))


def _webhooks(means: Means) -> Oracle:
    if means.webhooks is None:
        raise CannotLook("there is no host `web`")
    return WebhooksTaken(means.webhooks)


def _entitled(means: Means) -> Oracle:
    return All(_webhooks(means), Entitled(means.around.platform))


def _shut_out(means: Means) -> Oracle:
    content = _content(means)
    assert means.platform, "it comes with content"
    return All(content, ShutOut(means.platform.line(), means.around.platform))


def _logged_out(means: Means) -> Oracle:
    content = _content(means)
    assert means.content, "it comes with content"
    around, users = means.around, means.content.journal
    return All(content, LoggedOut(around.platform, around.nodes, around.now, users))


def _unforged(means: Means) -> Oracle:
    line = Line(WEB_URL, timeout_s=2.5)
    return All(_webhooks(means), Unforged(line, means.around.platform))


def _turned_away(means: Means) -> Oracle:
    content = _content(means)
    assert means.content and means.platform, "they come with content"
    return All(content, TurnedAway(means.platform.line(), means.content.journal))


def _unspied(means: Means) -> Oracle:
    return All(_content(means), Unspied(collector.kept))


def _settled(means: Means) -> Oracle:
    if means.buyers is None:
        raise CannotLook("there is no host `stripe-wan`")
    return All(_webhooks(means), Settled(means.buyers))


def _released(means: Means) -> Oracle:
    if means.visits is None:
        raise CannotLook("there is no host `kubernetes`")
    # The errors of a release may meet who writes as well as who reads.
    return Quiet(All(_content(means), Visited(means.visits)), WINDOW_S)


def _rolled(means: Means) -> Oracle:
    if not means.cluster:
        raise CannotLook("there is no host `kubernetes`")
    return All(_content(means), RolledOut(means.cluster))


def _settled_at_paddle(means: Means) -> Oracle:
    if means.buyers is None:
        raise CannotLook("there is no host `paddle`")
    return All(_webhooks(means), Settled(means.buyers))


def _agreed(means: Means) -> Oracle:
    return All(_webhooks(means), Agreed(means.around.platform))


def _answered(means: Means) -> Oracle:
    return All(_webhooks(means), Answered(means.around.platform))


def _paddled(means: Means) -> Oracle:
    return All(_webhooks(means), Paddled(means.around.platform))


_ORACLES: Mapping[str, Callable[[Means], Oracle]] = {
    "writes": _writes,
    "connections": _connections,
    "replica": lambda means: Replica(means.around),
    "rows": lambda means: Rows(means.around),
    "one-primary": lambda means: All(_writes(means), OnePrimary(means.around.twins)),
    "roles": lambda means: Roles(means.around),
    "logins": lambda means: All(_writes(means), Logins(means.around.platform)),
    "kept-up": lambda means: All(_writes(means), Upkeep(means.around)),
    "content": _content,
    "publishing": _publishing,
    "once": _once,
    "redis": _redis,
    "followed": _followed,
    "fresh": _fresh,
    "revoked": _revoked,
    "restored": _restored,
    "released": _released,
    "worked": _publishing,
    "rolled": _rolled,
    "site": lambda means: SiteServed(Line(SITE_URL, timeout_s=PATIENCE_S)),
    "webhooks": _webhooks,
    "entitled": _entitled,
    "agreed": _agreed,
    "answered": _answered,
    "paddled": _paddled,
    "shut-out": _shut_out,
    "logged-out": _logged_out,
    "unforged": _unforged,
    "turned-away": _turned_away,
    "unspied": _unspied,
    "settled": _settled,
    "settled-at-paddle": _settled_at_paddle,
    "intact": lambda means: Intact(),
    "preserved": lambda means: Preserved(),
}
