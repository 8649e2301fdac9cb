"""The RDS instance: moto's record of it, and the pair of servers behind its endpoint.

Amazon's calls come here before moto sees them. A reboot with failover is handed to the
host `rds` (see `endpoint`), which promotes the standby and leads the endpoint's name to it;
without that host there is no database, and the reboot is not simulated.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.rds.models import Event, rds_backends

from simulators.aws.names import INSTANCE, REGION
from simulators.aws.trail import Answer

CONTROL = ("rds", 8080)
"""Where the endpoint's host takes orders."""

_FAILOVER_S = 60.0
_ZONES = (f"{REGION}a", f"{REGION}b")
_STARTED, _COMPLETED = "MULTI_AZ_FAILOVER_STARTED", "MULTI_AZ_FAILOVER_COMPLETED"
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html
Event.EVENT_MAP[_STARTED] = {
    "Categories": ["failover"],
    "Message": "Multi-AZ instance failover started.",
}
Event.EVENT_MAP[_COMPLETED] = {
    "Categories": ["failover"],
    "Message": "Multi-AZ instance failover completed",
}


class Managed:
    """Takes the calls that touch the servers.

    Args:
        log: Takes a line for what it did.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._record.secondary_availability_zone = _ZONES[1]

    @property
    def answers(self) -> Mapping[tuple[str, str], Answer]:
        """What it answers in moto's place."""
        return {
            ("rds", "ModifyDBInstance"): self._modify,
            ("rds", "RebootDBInstance"): self._reboot,
        }

    @property
    def _record(self) -> Any:
        return rds_backends[DEFAULT_ACCOUNT_ID][REGION].databases[INSTANCE]

    def _modify(self, parameters: Mapping[str, Any]) -> tuple[int, str, str] | None:
        """Refuses what moto would take: a password beside the managed one.

        https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html
        """
        if "MasterUserPassword" not in parameters or not self._record.manage_master_user_password:
            return None
        return _refused(
            "InvalidParameterCombination",
            "MasterUserPassword cannot be given: Secrets Manager manages the master's password.",
        )

    def _reboot(self, parameters: Mapping[str, Any]) -> tuple[int, str, str] | None:
        if parameters.get("DBInstanceIdentifier") != INSTANCE:
            return None
        if parameters.get("ForceFailover") != "true":
            return 501, "text/plain", "a reboot without failover is not simulated"
        try:
            state = _ask("GET", "/state", 5.0)
        except OSError as error:
            return 501, "text/plain", f"there is no database behind the instance: {error}"
        if self._record.status != "available" or not state["standby"]:
            return _refused(
                "InvalidDBInstanceState",
                f"Instance {INSTANCE} is not in available state, or its standby is not.",
            )
        record = self._record
        record.status = "rebooting"
        record.add_event(_STARTED)
        threading.Thread(target=self._fail_over, args=(record,), daemon=True).start()
        return None

    def _fail_over(self, record: Any) -> None:
        try:
            said = _ask("POST", "/failover", _FAILOVER_S)
        except (OSError, ValueError) as error:
            self._log(f"failover failed: {error}")
            record.status = "failed"
            return
        self._log(f"failover: {said}")
        zones = record.availability_zone, record.secondary_availability_zone
        record.secondary_availability_zone, record.availability_zone = zones
        record.add_event(_COMPLETED)
        record.status = "available"


def _ask(method: str, path: str, timeout_s: float) -> dict[str, Any]:
    connection = http.client.HTTPConnection(*CONTROL, timeout=timeout_s)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        said = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise OSError(said.decode("utf-8", "replace"))
    found: dict[str, Any] = json.loads(said)
    return found


def _refused(code: str, text: str) -> tuple[int, str, str]:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{text}</Message></Error>"
    body = (
        f'<ErrorResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/">{error}</ErrorResponse>'
    )
    return 400, "text/xml", body
