"""The account's trail: who called what, from where and with which key.

moto keeps no events. What is kept here is what the front saw, under the names of
CloudTrail's records (https://docs.aws.amazon.com/awscloudtrail/latest/userguide/
cloudtrail-event-reference-record-contents.html); production's arrive after up to 15 minutes.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Answer = Callable[[Mapping[str, Any]], tuple[int, str, str] | None]
"""Parameters in; status, content type and body out; None to go on to moto."""

_MOST = 50


@dataclass
class Trail:
    """What was called since the account was made, oldest first."""

    events: list[dict[str, Any]] = field(default_factory=list)

    def note(self, service: str, action: str, about: Mapping[str, str], error: str = "") -> None:
        """Keeps one call.

        Args:
            service: E.g. `secretsmanager`.
            action: E.g. `GetSecretValue`.
            about: `key`, `address` and `resource` of the call.
            error: Its status where it was refused.
        """
        now = time.time()
        told = {
            "eventVersion": "1.08",
            "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
            "eventSource": f"{service}.amazonaws.com",
            "eventName": action,
            "sourceIPAddress": about["address"],
            "userIdentity": {"type": "IAMUser", "accessKeyId": about["key"]},
            **({"errorCode": error} if error else {}),
        }
        resource = about.get("resource", "")
        self.events.append(
            {
                "EventId": str(uuid.uuid4()),
                "EventName": action,
                "EventTime": now,
                "EventSource": told["eventSource"],
                "AccessKeyId": about["key"],
                "Resources": [{"ResourceName": resource}] if resource else [],
                "CloudTrailEvent": json.dumps(told),
            }
        )

    @property
    def answers(self) -> Mapping[tuple[str, str], Answer]:
        """What it answers in moto's place."""
        return {("cloudtrail", "LookupEvents"): self._look_up}

    def _look_up(self, parameters: Mapping[str, Any]) -> tuple[int, str, str]:
        found = self.events
        for wanted in parameters.get("LookupAttributes", ()):
            key, value = wanted["AttributeKey"], wanted["AttributeValue"]
            if key == "ResourceName":
                found = [
                    each
                    for each in found
                    if any(value == one["ResourceName"] for one in each["Resources"])
                ]
            else:
                found = [each for each in found if each.get(key) == value]
        most = min(int(parameters.get("MaxResults", _MOST)), _MOST)
        newest_first = list(reversed(found))[:most]
        return 200, "application/x-amz-json-1.1", json.dumps({"Events": newest_first})
