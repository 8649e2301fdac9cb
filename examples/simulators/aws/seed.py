"""What is in the stack's AWS account when it starts, put there by Amazon's own calls."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from simulators.aws.names import (
    ACCESS_LOG,
    ACL,
    BLOCKED,
    CACHE,
    DATABASE,
    DATABASE_USER,
    ENDPOINT,
    EVIDENCE,
    INSTANCE,
    REGION,
    TRAIL,
    TRAIL_BUCKET,
)

Call = Callable[[str, str, str, Mapping[str, str], str], tuple[int, str]]
"""Service, method, path, headers and body in; status and body out."""

RETENTION_DAYS = 1095
"""Three years, as long as audit events of security are kept."""


class SeedError(Exception):
    """moto does not take what the stack needs."""


def fill(call: Call, secrets: Path) -> None:
    """Makes the account's content.

    Args:
        call: Asks moto.
        secrets: Folder with the stack's secrets, a file each.

    Raises:
        SeedError: One call was refused.
    """
    seeding = _Seeding(call)
    seeding.bucket(EVIDENCE, locked=True)
    seeding.bucket(TRAIL_BUCKET, locked=False)
    seeding.bucket(ACCESS_LOG, locked=False)
    seeding.secrets(secrets)
    seeding.addresses()
    seeding.trail()
    seeding.instance()
    seeding.cache()


class _Seeding:
    def __init__(self, call: Call) -> None:
        self._call = call

    def _must(
        self, service: str, method: str, path: str, headers: Mapping[str, str], body: str
    ) -> str:
        status, said = self._call(service, method, path, headers, body)
        if status >= 300:
            raise SeedError(f"{service} {method} {path}: {status} {said[:300]}")
        return said

    def _json(self, service: str, target: str, body: Mapping[str, Any]) -> Any:
        headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
        said = self._must(service, "POST", "/", headers, json.dumps(body))
        return json.loads(said or "null")

    def bucket(self, name: str, *, locked: bool) -> None:
        """Makes a bucket that keeps versions; a locked one keeps them against everybody."""
        lock = {"x-amz-bucket-object-lock-enabled": "true"} if locked else {}
        self._must("s3", "PUT", f"/{name}", lock, "")
        if locked:
            rule = (
                "<DefaultRetention><Mode>COMPLIANCE</Mode>"
                f"<Days>{RETENTION_DAYS}</Days></DefaultRetention>"
            )
            self._must(
                *("s3", "PUT", f"/{name}?object-lock", {}),
                "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>"
                f"<Rule>{rule}</Rule></ObjectLockConfiguration>",
            )

    def secrets(self, folder: Path) -> None:
        """Keeps the platform's secrets under the names that production's ExternalSecret reads."""

        def read(name: str) -> str:
            return (folder / name).read_text(encoding="utf-8").strip()

        host = ENDPOINT if "rds" in os.environ.get("STACK_SERVICES", "").split() else "db-1"
        address = f"postgres://{DATABASE_USER}:{read('smartbeak')}@{host}:5432/{DATABASE}"
        contents = {
            "smartbeak/database": {"connection_string": address},
            "smartbeak/auth": {"jwt_key_1": read("jwt-key-1"), "jwt_key_2": read("jwt-key-2")},
            "smartbeak/stripe": {"webhook_secret": read("stripe-webhook")},
            "smartbeak/clerk": {"webhook_secret": read("clerk-webhook")},
        }
        for name, content in contents.items():
            self._json(
                "secretsmanager",
                "secretsmanager.CreateSecret",
                {"Name": name, "SecretString": json.dumps(content), "ClientRequestToken": "0" * 32},
            )

    def addresses(self) -> None:
        """Makes the set of blocked addresses, and the rule that refuses them."""
        made = self._json(
            "wafv2",
            "AWSWAF_20190729.CreateIPSet",
            {
                "Name": BLOCKED,
                "Scope": "REGIONAL",
                "IPAddressVersion": "IPV4",
                "Addresses": ["203.0.113.7/32"],
            },
        )
        visible = {
            "SampledRequestsEnabled": True,
            "CloudWatchMetricsEnabled": True,
            "MetricName": BLOCKED,
        }
        self._json(
            "wafv2",
            "AWSWAF_20190729.CreateWebACL",
            {
                "Name": ACL,
                "Scope": "REGIONAL",
                "DefaultAction": {"Allow": {}},
                "VisibilityConfig": visible,
                "Rules": [
                    {
                        "Name": BLOCKED,
                        "Priority": 0,
                        "Action": {"Block": {}},
                        "Statement": {"IPSetReferenceStatement": {"ARN": made["Summary"]["ARN"]}},
                        "VisibilityConfig": visible,
                    }
                ],
            },
        )

    def trail(self) -> None:
        """Switches the account's trail on."""
        name = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101"
        content = {"Name": TRAIL, "S3BucketName": TRAIL_BUCKET}
        self._json("cloudtrail", f"{name}.CreateTrail", content)
        self._json("cloudtrail", f"{name}.StartLogging", {"Name": TRAIL})

    def instance(self) -> None:
        """Makes the database instance as Terraform of production does."""
        wanted = {
            "Action": "CreateDBInstance",
            "Version": "2014-10-31",
            "DBInstanceIdentifier": INSTANCE,
            "DBInstanceClass": "db.r6g.large",
            "Engine": "postgres",
            "EngineVersion": "15.10",
            "DBName": DATABASE,
            "MasterUsername": DATABASE_USER,
            "ManageMasterUserPassword": "true",
            "AllocatedStorage": "50",
            "MultiAZ": "true",
            "AvailabilityZone": f"{REGION}a",
            "BackupRetentionPeriod": "35",
            "DeletionProtection": "true",
            "VpcSecurityGroupIds.VpcSecurityGroupId.1": "sg-0123456789abcdef0",
        }
        self._form("rds", wanted)

    def cache(self) -> None:
        """Makes the Redis group as Terraform of production does, and a snapshot of a night."""
        wanted = {
            "Action": "CreateReplicationGroup",
            "Version": "2015-02-02",
            "ReplicationGroupId": CACHE,
            "ReplicationGroupDescription": "Redis of production",
            "Engine": "redis",
            "EngineVersion": "7.0",
            "CacheNodeType": "cache.r6g.large",
            # Of NumCacheClusters, 3 in production, moto takes no notice.
            "ReplicasPerNodeGroup": "2",
            "Port": "6379",
            "AutomaticFailoverEnabled": "true",
            "MultiAZEnabled": "true",
            "AtRestEncryptionEnabled": "true",
            "TransitEncryptionEnabled": "true",
            "SnapshotRetentionLimit": "7",
        }
        self._form("elasticache", wanted)
        night = {"Action": "CreateSnapshot", "Version": "2015-02-02", "SnapshotName": "night"}
        self._form("elasticache", {**night, "ReplicationGroupId": CACHE})

    def _form(self, service: str, wanted: Mapping[str, str]) -> None:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        self._must(service, "POST", "/", form, urlencode(wanted))
