"""Looks at Paddle: whether it answers, agrees with the platform, and can tell us of changes."""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from smartbeak_ops import secrets, settings, web
from smartbeak_ops.failures import ServiceError
from smartbeak_ops.looks.seen import Look, Seen, span

if TYPE_CHECKING:
    from smartbeak_ops.paddle_books import Account

HOST = "api.paddle.com"

PATH = "/api/webhooks/paddle"
"""Where the platform takes Paddle's events; see `examples/platform/facts.yaml`."""

TOLERANCE_S = 300
"""Age from which the platform refuses an event, however often it is sent."""

_SLOW_S = 3.0
"""Longest that an answer takes while all is well."""

_FEWEST = 5
"""Attempts to pay that must have failed before they say anything."""

_ON_ITS_WAY_S = 1.0
_PAGE = 200


def asked() -> bool:
    """Whether Paddle is asked from this machine: it is known by name, and there is a key."""
    return settings.known(HOST) and settings.secret("paddle-key").exists()


def looks(known: settings.Settings) -> list[Look]:
    """Paddle, from the operator's machine: one look, since 240 requests a minute are all."""
    return [Look("paddle", lambda seen: _look(seen, known))] if asked() else []


def differing(known: settings.Settings) -> tuple[int, list[Account]]:
    """How many organizations were compared, and those that have another plan than they pay."""
    from smartbeak_ops import paddle_books

    found = paddle_books.accounts(known)
    return len(found), [each for each in found if each.differs]


def _look(seen: Seen, known: settings.Settings) -> None:
    if not answers(seen):
        return
    from smartbeak_ops import paddle_api

    try:
        _compare(seen, known)
        _notifications(seen)
        _payments(seen)
    except paddle_api.UNANSWERED as error:
        seen.blind("paddle", paddle_api.unanswered(error).reason)
    except ServiceError as error:
        seen.blind("paddle", f"the platform says {error.said}")


def answers(seen: Seen) -> bool:
    """Whether it answers well; on the way, where it sends its events.

    Without Paddle's library: what is said first is said before that is loaded.
    """
    reply = web.request(
        "GET", f"https://{HOST}/notification-settings", token=secrets.read("paddle-key")
    )
    said = {0: "no answer", 401: "refuses the key", 403: "refuses the key", 429: "busy"}.get(
        reply.status, "fails"
    )
    if reply.status == HTTPStatus.OK:
        said = "answers" if reply.took_s < _SLOW_S else "slow"
    seen.say(f"paddle: {said} in {reply.took_s:.1f} s", paddle=said)
    if said not in ("answers", "slow"):
        return False
    found = json.loads(reply.text)["data"]
    paths = [urlsplit(each["destination"]).path for each in found if each["active"]]
    strays = [path for path in paths if path != PATH]
    if PATH in paths:
        seen.know(paddle__path="right")
    elif strays:
        seen.say(f"paddle: webhooks go to {strays[0]}, not to {PATH}", paddle__path="wrong")
    else:
        seen.say("paddle: webhooks are switched off", paddle__path="off")
    return True


def _compare(seen: Seen, known: settings.Settings) -> None:
    from smartbeak_ops import paddle_books

    found = paddle_books.accounts(known)
    if any(each.differs for each in found):
        # A notification may be on its way right now.
        time.sleep(_ON_ITS_WAY_S)
        still = {each.org for each in found if each.differs}
        found = paddle_books.accounts(known)
        differ = sum(each.differs and each.org in still for each in found)
    else:
        differ = 0
    seen.say(
        f"paddle: {len(found)} organizations compared, {differ} have another plan here",
        paddle__differ=differ,
    )
    doubled = [each for each in found if each.extra]
    seen.know(paddle__doubled=len(doubled))
    if doubled:
        cents = sum(each.extra for each in doubled)
        seen.lines.append(
            f"paddle: {len(doubled)} organizations charged twice within the day, "
            f"{cents / 100:.2f} usd"
        )


def _notifications(seen: Seen) -> None:
    """How many notifications nobody took; those that the platform would still take are young."""
    from paddle_billing.Entities.Notifications import NotificationStatus
    from paddle_billing.Resources.Notifications.Operations import ListNotifications
    from paddle_billing.Resources.Shared.Operations import Pager

    from smartbeak_ops import paddle_api

    wanted = [NotificationStatus(name) for name in ("not_attempted", "needs_retry", "failed")]
    asked = ListNotifications(Pager(per_page=_PAGE), statuses=wanted)
    page = paddle_api.client().notifications.list(asked)
    now = datetime.now(UTC)
    ages = [(now - each.occurred_at).total_seconds() for each in page.items]
    late = [age for age in ages if age > TOLERANCE_S]
    seen.know(paddle__overdue=len(late))
    if late:
        more = " or more" if page.paginator and page.paginator.has_more else ""
        seen.lines.append(
            f"paddle: {len(late)}{more} notifications are too old to be taken, "
            f"the oldest {span(max(late))} ago"
        )


def _payments(seen: Seen) -> None:
    """What became of attempts to pay within the hour."""
    from paddle_billing.Resources.Shared.Operations import Comparator, DateComparison, Pager
    from paddle_billing.Resources.Transactions.Operations import ListTransactions

    from smartbeak_ops import paddle_api

    since = DateComparison(datetime.now(UTC) - timedelta(hours=1), Comparator.GTE)
    asked = ListTransactions(Pager(per_page=_PAGE), updated_at=since)
    tried = [
        payment
        for each in paddle_api.every(paddle_api.client().transactions.list(asked))
        for payment in each.payments
    ]
    codes = Counter(str(each.error_code.value) for each in tried if each.error_code)
    declined = sum(codes.values())
    percent = 100 * declined / len(tried) if declined >= _FEWEST else 0.0
    seen.know(paddle__failed_percent=percent)
    if declined:
        shown = ", ".join(f"{count} {code}" for code, count in codes.most_common(4))
        seen.lines.append(
            f"paddle: {len(tried)} attempts to pay within the hour, {declined} declined: {shown}"
        )
