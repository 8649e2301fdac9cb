"""Looks at Paddle: whether it and the platform say the same, and what it could not tell us."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from smartbeak_ops import settings
from smartbeak_ops.failures import ServiceError
from smartbeak_ops.looks.seen import Look, Seen, span

if TYPE_CHECKING:
    from smartbeak_ops.paddle_books import Account

HOST = "api.paddle.com"

TOLERANCE_S = 300
"""Age from which the platform refuses an event, however often it is sent."""

_ON_ITS_WAY_S = 1.0
_PAGE = 200


def looks(known: settings.Settings) -> list[Look]:
    """Paddle, from the operator's machine; nothing where it cannot be reached by name."""
    if not settings.known(HOST) or not settings.secret("paddle-key").exists():
        return []
    return [Look("paddle", lambda seen: _compare(seen, known))]


def differing(known: settings.Settings) -> tuple[int, list[Account]]:
    """How many organizations were compared, and those that have another plan than they pay."""
    from smartbeak_ops import paddle_books

    found = paddle_books.accounts(known)
    return len(found), [each for each in found if each.differs]


def _compare(seen: Seen, known: settings.Settings) -> None:
    from smartbeak_ops import paddle_api

    try:
        count, found = differing(known)
        if found:
            # A notification may be on its way right now.
            time.sleep(_ON_ITS_WAY_S)
            still = {each.org for each in found}
            count, found = differing(known)
            found = [each for each in found if each.org in still]
        seen.say(
            f"paddle: {count} organizations compared, {len(found)} have another plan here",
            paddle__differ=len(found),
        )
        _notifications(seen)
    except paddle_api.UNANSWERED as error:
        seen.blind("paddle", paddle_api.unanswered(error).reason)
    except ServiceError as error:
        seen.blind("paddle", f"the platform says {error.said}")


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
