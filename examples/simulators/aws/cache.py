"""The ElastiCache group: moto's record of it, and what changes it.

moto changes the record at once and knows no failover test; there is no Redis behind it. A change
lasts a moment here, as it lasts minutes at Amazon, so that whoever does not wait sees `modifying`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.elasticache.models import elasticache_backends

from simulators.aws.names import CACHE, REGION
from simulators.aws.trail import Answer

TESTS_A_DAY = 15
"""https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_TestFailover.html"""

_LASTS_S = 1.0
_CHANGES = frozenset(
    {
        *("Action", "Version", "ReplicationGroupId", "ApplyImmediately", "CacheNodeType"),
        *("AutomaticFailoverEnabled", "MultiAZEnabled", "SnapshotRetentionLimit"),
    }
)
"""What moto changes; of everything else it takes no notice."""


class Cache:
    """Takes the calls that change the group.

    Args:
        log: Takes a line for what it did.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._tests = 0

    @property
    def answers(self) -> Mapping[tuple[str, str], Answer]:
        """What it answers in moto's place."""
        return {
            ("elasticache", "ModifyReplicationGroup"): self._modify,
            ("elasticache", "TestFailover"): self._test,
        }

    @property
    def _record(self) -> Any:
        return elasticache_backends[DEFAULT_ACCOUNT_ID][REGION].replication_groups[CACHE]

    def _modify(self, parameters: Mapping[str, Any]) -> tuple[int, str, str] | None:
        if parameters.get("ReplicationGroupId") != CACHE:
            return None
        if foreign := sorted(set(parameters) - _CHANGES):
            return 501, "text/plain", f"{foreign[0]} is not simulated"
        if parameters.get("ApplyImmediately") != "true":
            return 501, "text/plain", "a change in the maintenance window is not simulated"
        if self._record.status != "available":
            return _refused("InvalidReplicationGroupState", "Replication group is not available.")
        self._changing(lambda: None)
        return None

    def _test(self, parameters: Mapping[str, Any]) -> tuple[int, str, str] | None:
        record = self._record
        if parameters.get("ReplicationGroupId") != CACHE:
            return _refused("ReplicationGroupNotFoundFault", "No such replication group.", 404)
        (group,) = record.node_groups
        if parameters.get("NodeGroupId") != group["node_group_id"]:
            return _refused("NodeGroupNotFoundFault", "No such node group.", 404)
        if record.status != "available" or record.automatic_failover != "enabled":
            return _refused(
                "InvalidReplicationGroupState",
                "Replication group must be available, with automatic failover enabled.",
            )
        if self._tests == TESTS_A_DAY:
            return _refused("APICallRateForCustomerExceededFault", "Too many failover tests.")
        self._tests += 1
        self._changing(lambda: _fail_over(group))
        said = (
            '<TestFailoverResponse xmlns="http://elasticache.amazonaws.com/doc/2015-02-02/">'
            f"<TestFailoverResult><ReplicationGroup><ReplicationGroupId>{CACHE}"
            "</ReplicationGroupId><Status>modifying</Status></ReplicationGroup>"
            "</TestFailoverResult></TestFailoverResponse>"
        )
        return 200, "text/xml", said

    def _changing(self, change: Callable[[], None]) -> None:
        self._record.status = "modifying"

        def changed() -> None:
            change()
            self._record.status = "available"
            self._log("elasticache: the change is over")

        timer = threading.Timer(_LASTS_S, changed)
        timer.daemon = True
        timer.start()


def _fail_over(group: Mapping[str, Any]) -> None:
    """Gives the first replica the primary's role."""
    members = group["node_group_members"]
    was = next(each for each in members if each["current_role"] == "primary")
    becomes = next(each for each in members if each["current_role"] == "replica")
    was["current_role"], becomes["current_role"] = "replica", "primary"


def _refused(code: str, text: str, status: int = 400) -> tuple[int, str, str]:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{text}</Message></Error>"
    said = f'<ErrorResponse xmlns="http://elasticache.amazonaws.com/doc/2015-02-02/">{error}'
    return status, "text/xml", f"{said}</ErrorResponse>"
