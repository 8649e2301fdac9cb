"""Usage alerts."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from smartbeak.http.shapes.base import Instant, Ok, Row, Shape


def _number(value: Any) -> Any:
    """A number as JSON has it, where 5.0 is 5, and no text or truth stands for one."""
    if type(value) not in (int, float):
        raise ValueError("Not a number")
    return value


Threshold = Annotated[int, Field(ge=0, le=2_147_483_647), BeforeValidator(_number)]


class NewAlert(Shape):
    """A metric, and the value from which on somebody is told."""

    metric: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.]{1,100}$")]
    threshold: Threshold


class AlertMade(Ok):
    """An alert that was added."""

    metric: str
    threshold: int


class AlertRow(Row):
    """A usage alert."""

    id: str
    org_id: str
    metric: str
    threshold: int
    triggered: bool
    created_at: Instant | None


class ActiveAlerts(Shape):
    """Alerts that have not been triggered."""

    alerts: list[AlertRow]
