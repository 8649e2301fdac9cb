"""The stack's files: what they say of the platform, and what the stack promises."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from drillbook.sandboxes.local_sandbox import LocalSandbox
from drillbook.sandboxes.sandbox import Reply
from tests.conftest import ROOT

EXAMPLES = ROOT / "examples"
SCRIPTS = sorted([*EXAMPLES.glob("bin/*"), *EXAMPLES.glob("*/bin/*"), ROOT / ".ci/docker"])
FACTS: dict[str, Any] = yaml.safe_load((EXAMPLES / "platform/facts.yaml").read_text())
STACK: dict[str, Any] = yaml.safe_load((EXAMPLES / "compose.yaml").read_text())

_SHORT_NAMES = {
    "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp",
    "character varying": "varchar",
}
_ON_DELETE = {"a": "no action", "c": "cascade", "n": "set null"}


def test_migrations_are_pairs_with_the_platforms_names() -> None:
    files = {path.name for path in (EXAMPLES / "platform/migrations/sql").iterdir()}
    assert files == {f"{name}.{way}.sql" for name in FACTS["migrations"] for way in ("up", "down")}
    for name, source in FACTS["migrations"].items():
        assert re.fullmatch(r"\d{14}_[a-z0-9_]+", name)
        path = Path(FACTS["sources"][source]["path"])
        assert path.name == f"{name}.up.sql" or path.parent.name == "migrations", name


def test_every_source_of_a_fact_is_used_and_says_where() -> None:
    used = {source for table in FACTS["tables"].values() for _, source in table.values()}
    for section in ("values", "references"):
        used |= {fact["source"] for fact in FACTS[section].values()}
    for section in ("indexes", "migrations", "roles", "databases", "variables"):
        used |= set(FACTS[section].values())
    assert used == set(FACTS["sources"])
    for key, source in FACTS["sources"].items():
        assert re.fullmatch(r"[0-9a-f]{40}", source["commit"]), key
        assert source["path"], key


def test_the_platforms_settings_use_its_own_names() -> None:
    settings = (EXAMPLES / "platform/platform.env").read_text()
    found = re.findall(r"(?m)^(\w+)=postgres://(\w+)@db-1:5432/(\w+)$", settings)
    assert len(found) == 1
    variable, role, database = found[0]
    assert variable in FACTS["variables"]
    names = set(re.findall(r"(?m)^(\w+)=", settings))
    assert names <= {*FACTS["variables"]}
    assert role in FACTS["roles"]
    assert database in FACTS["databases"]


def test_damaging_statements_touch_tables_of_the_platform() -> None:
    for path in EXAMPLES.glob("faults/*.sql"):
        tables = re.findall(r"(?m)^(?:UPDATE|DELETE FROM|INSERT INTO) (\w+)", path.read_text())
        assert tables and set(tables) <= set(FACTS["tables"]), path.name


@pytest.mark.parametrize("name", STACK["services"])
def test_a_container_has_no_more_rights_than_it_needs(name: str) -> None:
    service = STACK["services"][name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pull_policy"] == "never"
    assert not {"ports", "privileged", "user", "network_mode", "devices"} & set(service)
    assert "drillbook.run" in service["labels"]
    binds = [entry for entry in service["volumes"] if entry.startswith((".", "/"))]
    assert binds and all(entry.endswith(":ro") for entry in binds)


def test_the_image_runs_as_the_service_user() -> None:
    dockerfile = (EXAMPLES / "host/Dockerfile").read_text()
    assert re.findall(r"(?m)^USER (.*)$", dockerfile) == ["postgres"]
    assert re.findall(r"(?m)^ARG (.*)$", dockerfile) == ["BASE=debian:bookworm-slim"]


def test_the_only_network_leads_nowhere() -> None:
    assert {name: network["internal"] for name, network in STACK["networks"].items()} == {
        "inside": True
    }


def test_whatever_outlives_a_container_carries_the_label() -> None:
    for kind in ("networks", "volumes"):
        for name, body in STACK[kind].items():
            assert "drillbook.run" in body["labels"], name


@pytest.mark.parametrize("host", ["db-1", "db-2"])
def test_database_hosts_are_alike_but_for_their_names(host: str) -> None:
    other = {"db-1": "db-2", "db-2": "db-1"}[host]
    service = STACK["services"][host]
    script, name, upstream, _ = service["command"]
    assert (name, upstream) == (host, f"{other}.repl")
    assert (EXAMPLES / Path(script).relative_to("/opt/smartbeak")).is_file()
    # Either may be behind the endpoint of the managed instance.
    endpoint = (EXAMPLES / "platform/rds-endpoint").read_text().strip()
    assert service["x-drillbook"]["certificate"] == [host, f"{host}.repl", endpoint]
    assert STACK["services"][f"{host}-repl"]["networks"]["inside"]["aliases"] == [f"{host}.repl"]


def test_a_laptop_installs_what_the_platform_imports() -> None:
    said = (EXAMPLES / "dev/requirements.txt").read_text().splitlines()
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    assert sorted(said[1:]) == sorted([*groups["platform"], "pytest"])


def test_the_containers_of_a_laptop_are_what_its_page_says() -> None:
    services = yaml.safe_load((EXAMPLES / "dev/docker-compose.yml").read_text())["services"]
    page = (ROOT / "source/developers/local-development-setup.md").read_text()
    scripts = json.loads((EXAMPLES / "platform/package.json").read_text())["scripts"]
    base = re.findall(r"(?m)^FROM (\S+)$", (EXAMPLES / "dev/Dockerfile").read_text())
    images = [service["image"] for service in services.values() if "image" in service]
    assert all(f"`{image}`" in page for image in (*images, *base)) and len(base) == 1
    for name, image in (("PostgreSQL server and client", "postgres"), ("Redis", "redis")):
        version = services[image]["image"].partition(":")[2]
        assert re.search(rf"(?m)^\| {name} \| {version} \|", page), name
    started = [service["command"] for name, service in services.items() if "image" not in service
               and "command" in service]  # fmt: skip
    typed = re.findall(r"(?m)^\$ docker compose exec api (npm run .*)$", page)
    assert len(typed) == 2
    for command in (*started, *(words.split() for words in typed)):
        assert command[:3] == ["npm", "run", "--silent"] and command[3] in scripts, command
    opened = [port for service in services.values() for port in service.get("ports", ())]
    assert opened == ["127.0.0.1:3001:3001", "127.0.0.1:3000:3000"]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_programs_and_shellcheck_finds_nothing(path: Path) -> None:
    assert os.access(path, os.X_OK)
    if path.read_text().startswith("#!/usr/bin/env python3\n"):
        return  # ruff and the tests of `sb` look at it
    shellcheck = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.defpath}")
    if not shellcheck:
        pytest.skip("shellcheck is not here; it comes with the group `lint`")
    found = subprocess.run([shellcheck, path], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def run(pair: LocalSandbox, host: str, *argv: str, text: str = "") -> Reply:
    """What a program on a host comes to."""
    reply = pair.host(host).request("exec", timeout_s=180, argv=list(argv), input=text)
    return reply


def rows(pair: LocalSandbox, query: str) -> list[str]:
    """A query's rows from the primary, columns parted by bars."""
    reply = run(pair, "db-1", "psql", "-d", "smartbeak", "-Atc", query)
    assert reply["status"] == 0, reply["stderr"]
    return str(reply["stdout"]).splitlines()


def test_the_database_has_what_the_facts_say_and_no_more(pair: LocalSandbox) -> None:
    found: dict[str, dict[str, str]] = {}
    for row in rows(
        pair,
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = 'public'",
    ):
        table, column, kind = row.split("|")
        found.setdefault(table, {})[column] = _SHORT_NAMES.get(kind, kind)
    facts = {
        table: {name: kind for name, (kind, _) in described.items()}
        for table, described in FACTS["tables"].items()
    }
    assert found == facts


def test_the_database_checks_the_values_that_the_facts_say(pair: LocalSandbox) -> None:
    found = {
        f"{row.split('|')[0]}.{column[1]}": re.findall(r"'(\w+)'::text", row)
        for row in rows(
            pair,
            "SELECT conrelid::regclass, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE contype = 'c' AND connamespace = 'public'::regnamespace",
        )
        if (column := re.search(r"\((\w+) = ANY \(ARRAY\[", row))
    }
    facts = {name: fact["values"] for name, fact in FACTS["values"].items() if fact["checked"]}
    assert found == facts


def test_the_database_has_the_references_that_the_facts_say(pair: LocalSandbox) -> None:
    found = {}
    for row in rows(
        pair,
        "SELECT conrelid::regclass, attname, confrelid::regclass, confdeltype FROM pg_constraint "
        "JOIN pg_attribute ON attrelid = conrelid AND ARRAY[attnum] = conkey WHERE contype = 'f'",
    ):
        table, column, to, on_delete = row.split("|")
        found[f"{table}.{column}"] = (to, _ON_DELETE[on_delete])
    facts = {name: (fact["to"], fact["on-delete"]) for name, fact in FACTS["references"].items()}
    assert found == facts
    assert rows(pair, "SELECT count(*) FROM pg_constraint WHERE contype = 'f'") == [str(len(facts))]


def test_the_database_has_the_indexes_that_the_facts_say(pair: LocalSandbox) -> None:
    found = rows(
        pair,
        "SELECT indexrelid::regclass FROM pg_index JOIN pg_class ON oid = indexrelid "
        "WHERE relnamespace = 'public'::regnamespace AND indisvalid "
        "AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)",
    )
    assert set(found) == set(FACTS["indexes"])


def test_the_seed_is_the_same_at_every_start(pair: LocalSandbox) -> None:
    counted = "SELECT status, count(*) FROM {} GROUP BY 1 ORDER BY 1"
    assert rows(pair, counted.format("content_items")) == [
        "archived|200", "draft|400", "published|1200", "scheduled|200"
    ]  # fmt: skip
    assert rows(pair, counted.format("publishing_jobs")) == ["failed|30", "published|1170"]
    assert rows(pair, "SELECT count(*) FROM publishing_dlq") == ["30"]
    newest = "SELECT max(updated_at) FROM content_items"
    assert rows(pair, newest) == ["2026-02-14 21:20:00"]


@pytest.mark.parametrize(
    ("rows_of", "one", "other"),
    [
        ("content_items", "status", "domain_id"),
        ("content_items", "content_type", "domain_id"),
        ("content_items", "status", "content_type"),
        ("content_items c JOIN domains d ON d.id = domain_id", "c.status", "org_id"),
        ("memberships", "role", "org_id"),
    ],
)
def test_a_condition_that_is_left_out_would_touch_a_neighbour(
    pair: LocalSandbox, rows_of: str, one: str, other: str
) -> None:
    for kept, left_out in ((one, other), (other, one)):
        alone = f"SELECT {kept} FROM {rows_of} GROUP BY 1 HAVING count(DISTINCT {left_out}) < 2"
        assert rows(pair, alone) == [], alone


def test_the_platforms_role_can_do_its_work_and_no_more(pair: LocalSandbox) -> None:
    login = ["psql", "-h", "db-1", "-U", "smartbeak", "-d", "smartbeak", "-Atc"]
    mayed = run(pair, "ops", *login, "UPDATE plans SET name = name; SELECT 'done'")
    assert mayed["stdout"] == "UPDATE 3\ndone\n"
    refused = run(pair, "ops", *login, "DELETE FROM drillbook.probe")
    assert "permission denied for table probe" in refused["stderr"]
    role = "SELECT rolsuper, rolconnlimit FROM pg_roles WHERE rolname = 'smartbeak'"
    assert rows(pair, role) == ["f|-1"]


def test_nobody_gets_in_without_tls_or_with_a_wrong_password(pair: LocalSandbox) -> None:
    plain = run(pair, "ops", "psql", "host=db-1 user=smartbeak dbname=smartbeak sslmode=disable")
    assert plain["status"] == 2 and "no encryption" in plain["stderr"]
    wrong = run(pair, "ops", "psql", "host=db-1 user=smartbeak dbname=smartbeak password=wrong")
    assert wrong["status"] == 2 and "password authentication failed" in wrong["stderr"]


def test_a_wal_file_is_kept_once_and_never_overwritten(pair: LocalSandbox) -> None:
    name = "0000000900000000000000FF"
    archive = f'printf "%s" "$0" >/tmp/wal && archive-wal /tmp/wal {name} 2>&1'
    assert run(pair, "db-1", "bash", "-c", archive, "first")["status"] == 0
    assert run(pair, "db-1", "bash", "-c", archive, "first")["status"] == 0
    assert run(pair, "db-1", "bash", "-c", archive, "other")["status"] != 0
    assert run(pair, "db-2", "restore-wal", name, "/tmp/got")["status"] == 0
    assert run(pair, "db-2", "cat", "/tmp/got")["stdout"] == "first"
    left = run(pair, "db-1", "find", "/srv/backup/wal", "-name", f"{name}*")
    assert left["stdout"] == f"/srv/backup/wal/{name}\n"


def test_a_wal_file_that_is_not_there_is_no_news(pair: LocalSandbox) -> None:
    answer = run(pair, "db-2", "restore-wal", "00000009.history", "/tmp/got")
    assert (answer["status"], answer["stdout"], answer["stderr"]) == (1, "", "")


def test_there_is_a_base_backup_to_restore_from(pair: LocalSandbox) -> None:
    label = run(pair, "db-1", "cat", "/srv/backup/base/latest/backup_label")
    named = run(pair, "db-1", "readlink", "/srv/backup/base/latest")["stdout"].strip()
    assert re.fullmatch(r"\d{8}T\d{6}Z", named)
    assert f"LABEL: {named}" in label["stdout"]


def test_a_replica_without_a_primary_is_not_healthy_whatever_pg_isready_says(
    pair: LocalSandbox,
) -> None:
    healthy = "until postgres-healthy; do sleep 0.1; done"
    assert run(pair, "db-2", "bash", "-c", healthy)["status"] == 0
    pidfile = "/var/lib/postgresql/data/postmaster.pid"
    pair.host("db-1").request("signal", timeout_s=60, pidfile=pidfile, signal="KILL")
    # The receiver notices the closed connection; until then it rightly streams.
    wait = "until ! postgres-healthy 2>/tmp/said; do :; done; cat /tmp/said"
    assert run(pair, "db-2", "bash", "-c", wait)["stdout"] == (
        "db-2 is a replica and does not stream\n"
    )
    assert run(pair, "db-2", "pg_isready", "--timeout=60")["status"] == 0


def test_a_password_file_is_for_its_owner_alone(pair: LocalSandbox) -> None:
    for host, roles in (
        ("ops", "postgres smartbeak"),
        ("app", "smartbeak"),
        ("db-1", "replicator"),
    ):
        shown = run(pair, host, "bash", "-c", 'stat -c %a "$PGPASSFILE"; cut -d: -f4 "$PGPASSFILE"')
        assert shown["stdout"].split() == ["600", *roles.split()]
