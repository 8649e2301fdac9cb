"""The stack's AWS account, asked by Amazon's own command line, as pages ask it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from drillbook.sandboxes.local import LocalBackend
from drillbook.sandboxes.local_sandbox import LocalSandbox
from drillbook.sandboxes.sandbox import Reply
from simulators.aws import names
from tests.conftest import ROOT

UNKNOWN = "/var/lib/aws/unknown.jsonl"
EVIDENCE = "smartbeak-security-evidence"


class Account:
    """The account, and the operator's machine."""

    def __init__(self, sandbox: LocalSandbox) -> None:
        self.sandbox = sandbox

    def shell(self, command: str, host: str = "ops") -> Reply:
        argv = ["bash", "-o", "pipefail", "-c", command]
        return self.sandbox.host(host).request("exec", timeout_s=300, argv=argv)

    def says(self, command: str, host: str = "ops") -> str:
        reply = self.shell(command, host)
        assert reply["status"] == 0, reply["stderr"]
        return str(reply["stdout"]).strip()

    def told(self, command: str) -> Any:
        return json.loads(self.says(f"aws {command}"))

    def refused(self, command: str) -> str:
        reply = self.shell(f"aws {command}")
        assert reply["status"] == 255, reply["stdout"]
        return str(reply["stderr"])

    def unknown(self) -> list[dict[str, str]]:
        said = self.shell(f"cat {UNKNOWN}", "aws")
        return [json.loads(line) for line in said["stdout"].splitlines()]


@pytest.fixture(scope="module")
def account(local_backend: LocalBackend) -> Iterator[Account]:
    sandbox = local_backend.open(["ops", "aws"], label="test")
    yield Account(sandbox)
    sandbox.close()


def test_amazons_own_command_line_reaches_the_account_without_an_option(account: Account) -> None:
    assert account.says("aws --version").startswith("aws-cli/1.")
    assert account.told("sts get-caller-identity")["Account"] == "123456789012"
    assert account.unknown() == []


def test_the_platforms_secrets_have_the_names_that_production_reads(account: Account) -> None:
    facts = yaml.safe_load((ROOT / "examples/platform/facts.yaml").read_text())
    named = account.says(
        "aws secretsmanager list-secrets --query 'SecretList[].Name' --output text"
    ).split()
    assert {each for each in named if each.startswith("smartbeak/")} <= facts["aws"][
        "secrets"
    ].keys()
    kept = account.says(
        "aws secretsmanager get-secret-value --secret-id smartbeak/auth "
        "--query SecretString --output text | jq --raw-output .jwt_key_1 "
        "| cmp - /run/secrets/jwt-key-1"
    )
    assert kept == ""


def test_a_secret_comes_from_a_file_and_its_last_version_can_be_asked_for(account: Account) -> None:
    put = "secretsmanager put-secret-value --secret-id smartbeak/stripe --secret-string"
    account.says('umask 077; echo \'{"webhook_secret": "second"}\' > ~/new.json')
    made = account.told(f"{put} file:///home/operator/new.json")
    assert made["VersionStages"] == ["AWSCURRENT"]
    ask = "secretsmanager get-secret-value --secret-id smartbeak/stripe --version-stage"
    assert json.loads(account.told(f"{ask} AWSCURRENT")["SecretString"]) == {
        "webhook_secret": "second"
    }
    before = json.loads(account.told(f"{ask} AWSPREVIOUS")["SecretString"])["webhook_secret"]
    assert len(before) == 32


def test_what_is_put_into_the_evidence_bucket_stays(account: Account) -> None:
    account.says("echo first > ~/note")
    put = f"s3api put-object --bucket {EVIDENCE} --key INC/note --body /home/operator/note"
    first = account.told(put)["VersionId"]
    account.says("echo second > ~/note")
    assert account.told(put)["VersionId"] != first
    head = account.told(
        f"s3api head-object --bucket {EVIDENCE} --key INC/note --version-id {first}"
    )
    assert head["ObjectLockMode"] == "COMPLIANCE"
    assert head["ObjectLockRetainUntilDate"] > "2029"
    delete = f"s3api delete-object --bucket {EVIDENCE} --key INC/note --version-id {first}"
    assert "AccessDenied" in account.refused(delete)
    assert "AccessDenied" in account.refused(f"{delete} --bypass-governance-retention")
    account.says(
        f"aws s3api get-object --bucket {EVIDENCE} --key INC/note --version-id {first} ~/back"
    )
    assert account.says("cat ~/back") == "first"


def test_the_list_of_addresses_changes_only_under_its_token(account: Account) -> None:
    sets = account.told("wafv2 list-ip-sets --scope REGIONAL")["IPSets"]
    name = f"--scope REGIONAL --name {sets[0]['Name']} --id {sets[0]['Id']}"
    before = account.told(f"wafv2 get-ip-set {name}")
    update = f"wafv2 update-ip-set {name} --lock-token {before['LockToken']} --addresses"
    after = account.told(f"{update} 203.0.113.7/32 198.51.100.1/32")
    assert after["NextLockToken"] != before["LockToken"]
    assert "WAFOptimisticLockException" in account.refused(f"{update} 198.51.100.2/32")
    assert sorted(account.told(f"wafv2 get-ip-set {name}")["IPSet"]["Addresses"]) == [
        "198.51.100.1/32",
        "203.0.113.7/32",
    ]


def test_the_trail_says_who_called_what(account: Account) -> None:
    account.told("secretsmanager get-secret-value --secret-id smartbeak/clerk")
    asked = "--lookup-attributes AttributeKey=ResourceName,AttributeValue=smartbeak/clerk"
    event = account.told(f"cloudtrail lookup-events {asked}")["Events"][0]
    assert event["EventName"] == "GetSecretValue"
    assert event["AccessKeyId"] == "AKIAOPERATOR00000000"
    assert json.loads(event["CloudTrailEvent"])["sourceIPAddress"].startswith("127.")


def test_the_instance_is_productions(account: Account) -> None:
    named = "--db-instance-identifier smartbeak-production"
    instance = account.told(f"rds describe-db-instances {named}")["DBInstances"][0]
    assert instance["MultiAZ"] is True
    assert instance["BackupRetentionPeriod"] == 35
    assert instance["MasterUserSecret"]["SecretArn"]
    assert (ROOT / "examples/platform/rds-endpoint").read_text().strip() == instance["Endpoint"][
        "Address"
    ]
    rotated = account.told(
        f"rds modify-db-instance {named} --rotate-master-user-password --apply-immediately"
    )
    assert rotated["DBInstance"]["MasterUserSecret"]["SecretStatus"] in ("rotating", "active")


def test_what_other_runbooks_type_for_the_database_is_refused(account: Account) -> None:
    for name in ("smartbeak-cluster", names.INSTANCE):
        said = account.refused(f"rds failover-db-cluster --db-cluster-identifier {name}")
        assert "DBClusterNotFoundFault" in said
    said = account.refused(
        f"rds modify-db-instance --db-instance-identifier {names.INSTANCE} "
        "--master-user-password of-sixteen-letters --apply-immediately"
    )
    assert "InvalidParameterCombination" in said
    assert account.unknown() == []


def test_the_redis_group_is_productions(account: Account) -> None:
    named = f"--replication-group-id {names.CACHE}"
    group = account.told(f"elasticache describe-replication-groups {named}")["ReplicationGroups"][0]
    assert group["Status"] == "available"
    assert group["AutomaticFailover"] == group["MultiAZ"] == "enabled"
    assert group["TransitEncryptionEnabled"] is True
    assert len(group["MemberClusters"]) == 3
    kept = account.told(f"elasticache describe-snapshots {named}")["Snapshots"]
    assert [each["SnapshotStatus"] for each in kept] == ["available"]


def test_a_failover_test_gives_another_node_the_role(account: Account) -> None:
    named = f"--replication-group-id {names.CACHE}"
    roles = (
        f"aws elasticache describe-replication-groups {named} --query 'ReplicationGroups[0]"
        ".[Status, NodeGroups[0].NodeGroupMembers[*].CurrentRole[]]' --output json "
        "| jq --compact-output ."
    )
    assert account.says(roles) == '["available",["primary","replica","replica"]]'
    test = f"elasticache test-failover {named} --node-group-id"
    assert "NodeGroupNotFoundFault" in account.refused(f"{test} 0009")
    assert account.told(f"{test} 0001")["ReplicationGroup"]["Status"] == "modifying"
    deadline = time.monotonic() + 300
    while account.says(roles) != '["available",["replica","primary","replica"]]':
        assert time.monotonic() < deadline
    assert account.unknown() == []


def test_a_change_of_the_redis_group_is_in_its_record(account: Account) -> None:
    named = f"--replication-group-id {names.CACHE}"
    change = f"elasticache modify-replication-group {named} --apply-immediately"
    said = account.told(f"{change} --cache-node-type cache.r6g.xlarge")["ReplicationGroup"]
    assert (said["Status"], said["CacheNodeType"]) == ("modifying", "cache.r6g.xlarge")
    look = f"elasticache describe-replication-groups {named}"
    deadline = time.monotonic() + 300
    while account.told(look)["ReplicationGroups"][0]["Status"] != "available":
        assert time.monotonic() < deadline
    assert account.told(look)["ReplicationGroups"][0]["CacheNodeType"] == "cache.r6g.xlarge"
    account.says(f"aws {change} --no-automatic-failover-enabled")
    while account.told(look)["ReplicationGroups"][0]["Status"] != "available":
        assert time.monotonic() < deadline
    # Nobody takes over by itself, and so nothing is tested.
    said = account.refused(f"elasticache test-failover {named} --node-group-id 0001")
    assert "InvalidReplicationGroupState" in said
    assert account.unknown() == []


def test_a_list_given_by_hand_to_a_shared_secret_never_shows_in_the_log(account: Account) -> None:
    secret = account.says("cat /run/secrets/aws-operator")
    assert secret not in account.says("cat /var/log/aws/aws.log", "aws")


# Last: each leaves a line in the file that fails a run.
@pytest.mark.parametrize(
    ("command", "action"),
    [
        ("ec2 describe-instances", None),
        ("rds describe-db-clusters", "rds:DescribeDBClusters"),
        ("elasticache describe-cache-clusters", "elasticache:DescribeCacheClusters"),
        ("elasticache modify-replication-group --replication-group-id smartbeak-production "
         "--auth-token of-sixteen-letters --apply-immediately",
         "elasticache:ModifyReplicationGroup"),
        ("secretsmanager delete-secret --secret-id smartbeak/auth", "secretsmanager:DeleteSecret"),
        (f"s3api get-object-retention --bucket {EVIDENCE} --key INC/note", "s3:GET"),
        ("rds reboot-db-instance --db-instance-identifier smartbeak-production --force-failover",
         "rds:RebootDBInstance"),
    ],
)  # fmt: skip
def test_what_is_not_simulated_is_refused_and_kept(
    account: Account, command: str, action: str | None
) -> None:
    known = len(account.unknown())
    reply = account.shell(f"AWS_MAX_ATTEMPTS=1 aws {command}")
    assert reply["status"] == 255
    kept = account.unknown()[known:]
    if action is None:
        assert "Could not connect to the endpoint URL" in reply["stderr"]
        assert kept == []
    else:
        assert kept
        assert {each["action"] for each in kept} == {action}


def test_a_failover_leads_the_endpoint_to_the_other_server(local_backend: LocalBackend) -> None:
    sandbox = local_backend.open(["ops", "aws", "rds"], label="test")
    account = Account(sandbox)
    named = "--db-instance-identifier smartbeak-production"
    where = (
        "psql \"$(sed --quiet 's/^CONTROL_PLANE_DB=//p' /etc/smartbeak/platform.env)\" -At "
        "--command \"SELECT current_setting('cluster_name'), pg_is_in_recovery()\""
    )
    try:
        assert account.says(where) == "db-1|f"
        assert account.told(f"rds reboot-db-instance {named} --force-failover")["DBInstance"][
            "DBInstanceStatus"
        ] == ("rebooting")
        deadline = time.monotonic() + 300
        while account.shell(where)["stdout"].strip() != "db-2|f":
            assert time.monotonic() < deadline
        look = f"rds describe-db-instances {named}"
        # Its record says so a moment after its servers do.
        while account.told(look)["DBInstances"][0]["DBInstanceStatus"] != "available":
            assert time.monotonic() < deadline
        instance = account.told(look)["DBInstances"][0]
        assert instance["AvailabilityZone"] == "us-east-1b"
        again = account.refused(f"rds reboot-db-instance {named} --force-failover")
        assert "InvalidDBInstanceState" in again
        assert account.unknown() == []
    finally:
        sandbox.close()


def test_triage_tells_a_managed_database_and_the_guard_lets_nobody_reboot_a_sound_one(
    local_backend: LocalBackend,
) -> None:
    sandbox = local_backend.open(["ops", "app", "aws", "rds", "api"], label="test")
    account = Account(sandbox)
    try:
        said = account.says("sb look postgres")
        assert said.splitlines() == [
            "platform: writable",
            f"database: managed, {names.ENDPOINT}",
            "api: ready, connected",
        ]
        assert "nothing is wrong" in account.says("sb triage postgres")
        may = account.shell("sb may reboot")
        assert (may["status"], may["stderr"].strip()) == (
            1,
            "REFUSED: the database answers as a primary: a failover ends every session",
        )
        account.says("pg_ctl stop --mode immediate --silent", "db-1")
        assert "branch: runbooks/database-failover/managed-rds" in account.says(
            "sb triage postgres"
        )
        account.says("sb may reboot")
    finally:
        sandbox.close()


def test_every_action_that_the_front_lets_through_is_one_that_something_uses() -> None:
    text = (ROOT / "examples/simulators/aws/front.py").read_text()
    used = "\n".join(
        file.read_text()
        for folder in ("source", "tests/stack")
        for file in Path(ROOT / folder).rglob("*")
        if file.suffix in (".md", ".py")
    )
    known = text.partition("KNOWN: ")[2].partition('"""')[0]
    for action in re.findall(r'"([A-Z]\w+)"', known):
        command = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", action).lower()
        command = command.replace("-ac-ls", "-acls")
        assert f" {command}" in used, action


def test_names_in_the_account_are_those_of_the_facts() -> None:
    facts = yaml.safe_load((ROOT / "examples/platform/facts.yaml").read_text())
    assert {key: each["value"] for key, each in facts["aws"].items() if "value" in each} == {
        "region": names.REGION,
        "instance": names.INSTANCE,
        "cache-group": names.CACHE,
        "blocked-addresses": names.BLOCKED,
        "evidence": names.EVIDENCE,
    }
    used = {each["source"] for each in facts["aws"].values()}
    assert used | {"terraform-rds"} == set(facts["aws-sources"])
    assert all(
        re.fullmatch(r"[0-9a-f]{40}", each["commit"]) for each in facts["aws-sources"].values()
    )
