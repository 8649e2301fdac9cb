"""The platform's migrations: by Knex on the operator's machine, and by psql on a database host."""

from __future__ import annotations

import itertools
import json
import re
import shlex
from collections.abc import Iterator

import pytest

from drillbook.sandboxes.local import LocalBackend
from drillbook.sandboxes.local_sandbox import LocalSandbox
from drillbook.sandboxes.sandbox import Reply
from tests.conftest import ROOT

SQL = ROOT / "examples/platform/migrations/sql"
SCRIPTS: dict[str, str] = json.loads((SQL.parent.parent / "package.json").read_text())["scripts"]
NAMES = sorted(path.name.removesuffix(".up.sql") for path in SQL.glob("*.up.sql"))

_TIMEOUT_S = 120.0
_numbers = itertools.count(1)
_DUMP = "pg_dump --schema-only --schema=public -d"


class Checkout:
    """A checkout of the platform on the operator's machine, and a database for it alone.

    Args:
        sandbox: Where both are.
        name: Of the database and of the folder.
        template: Database that this one begins as a copy of.
    """

    def __init__(self, sandbox: LocalSandbox, name: str, template: str = "template1") -> None:
        self.sandbox = sandbox
        self.database = name
        self.folder = f"/tmp/{name}/platform"
        self.on_db(f"createdb --owner=smartbeak --template={template} {name}")
        self.on_ops(
            f"mkdir -p /tmp/{name} && cp -r /opt/smartbeak/platform /tmp/{name}/ "
            f"&& ln -s /opt/node_modules /tmp/{name}/ && chmod -R u+w /tmp/{name}"
        )

    def on_db(self, command: str) -> str:
        """What a command on the database host prints; it must succeed."""
        return shell(self.sandbox, "db-1", command)

    def on_ops(self, command: str) -> str:
        """What a command on the operator's machine prints; it must succeed."""
        return shell(self.sandbox, "ops", command)

    def rows(self, query: str) -> list[str]:
        return self.on_db(f"psql -d {self.database} -Atc {shlex.quote(query)}").splitlines()

    def run(self, script: str, *options: str, url: str = "", **env: str) -> Reply:
        """What `npm run SCRIPT` comes to, without the time that npm itself takes."""
        url = url or f"postgres://smartbeak@db-1:5432/{self.database}"
        settings = shlex.join([f"CONTROL_PLANE_DB={url}", *(f"{k}={env[k]}" for k in env)])
        command = f"env {settings} {SCRIPTS[script]} {shlex.join(options)}"
        return reply(self.sandbox, "ops", f"cd {self.folder} && {command}")

    def must(self, script: str, *options: str) -> str:
        """What `npm run SCRIPT` prints when it succeeds, with nothing on standard error."""
        done = self.run(script, *options)
        assert (done["status"], done["stderr"]) == (0, "")
        return str(done["stdout"])

    def make(self, name: str, up: str, down: str = "SELECT 1;") -> str:
        """A new pair of files; its full name."""
        made = self.must("migrate:make", name)
        stem = re.findall(r"  UP:   \S+/(\S+)\.up\.sql", made)[0]
        for way, sql in (("up", up), ("down", down)):
            path = f"{self.folder}/migrations/sql/{stem}.{way}.sql"
            self.on_ops(f"printf '%s\n' {shlex.quote(sql)} >{path}")
        return str(stem)

    def schema(self, database: str = "") -> str:
        """The database's schema as SQL."""
        # Since PostgreSQL's releases of August 2025 each dump has a key of its own in it.
        dump = self.on_db(f"{_DUMP} {database or self.database}")
        return re.sub(r"(?m)^\\(un)?restrict .*$", "", dump)


def reply(sandbox: LocalSandbox, host: str, command: str) -> Reply:
    argv = ["bash", "-c", command]
    done: Reply = sandbox.host(host).request("exec", timeout_s=_TIMEOUT_S, argv=argv, input="")
    return done


def shell(sandbox: LocalSandbox, host: str, command: str) -> str:
    done = reply(sandbox, host, command)
    assert done["status"] == 0, done["stderr"]
    return str(done["stdout"])


@pytest.fixture(scope="module")
def stack(local_backend: LocalBackend) -> Iterator[LocalSandbox]:
    """A database host and the operator's machine; for the sake of redis-1 there is Node."""
    sandbox = local_backend.open(["ops", "db-1", "redis-1"], label="migrations")
    yield sandbox
    sandbox.close()


@pytest.fixture
def checkout(stack: LocalSandbox) -> Checkout:
    """With an empty database."""
    return Checkout(stack, f"checkout_{next(_numbers)}")


@pytest.fixture(scope="module")
def template(stack: LocalSandbox) -> str:
    """A database to which Knex has applied all migrations."""
    first = Checkout(stack, "migrated")
    first.must("migrate")
    return first.database


@pytest.fixture
def migrated(stack: LocalSandbox, template: str) -> Checkout:
    """With a database to which Knex has applied all migrations."""
    return Checkout(stack, f"checkout_{next(_numbers)}", template)


def test_a_new_stack_has_nothing_pending(stack: LocalSandbox) -> None:
    npm = "cd /opt/smartbeak/platform && . /etc/smartbeak/platform.env && export CONTROL_PLANE_DB"
    status = shell(stack, "ops", f"{npm} && npm run --silent migrate:status")
    applied = "".join(f"  [x] {name}\n" for name in NAMES)
    assert status == (
        f"\nCompleted migrations ({len(NAMES)}):\n{applied}\nPending migrations (0):\n\n"
    )
    up = shell(stack, "ops", f"{npm} && npm run --silent migrate")
    assert up == "Running all pending migrations...\nAlready up to date.\n"


def test_every_migration_rolls_up_down_and_up(checkout: Checkout) -> None:
    applied = "".join(f"  + {name}\n" for name in NAMES)
    up = (
        f"Running all pending migrations...\nBatch 1: {len(NAMES)} migration(s) applied:\n{applied}"
    )
    assert checkout.must("migrate") == up
    schema = checkout.schema()
    taken = "".join(f"  - {name}\n" for name in reversed(NAMES))
    assert checkout.must("migrate:rollback") == (
        f"Rolling back last batch...\nBatch 1: {len(NAMES)} migration(s) rolled back:\n{taken}"
    )
    left = (
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    )
    assert sorted(checkout.rows(left)) == ["schema_migrations", "schema_migrations_lock"]
    assert checkout.rows("SELECT count(*) FROM schema_migrations") == ["0"]
    assert (
        checkout.rows("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
        == []
    )
    assert checkout.must("migrate") == up
    assert checkout.schema() == schema


def test_knex_and_a_database_host_come_to_the_same(migrated: Checkout) -> None:
    assert migrated.schema() == migrated.schema("smartbeak")
    tracked = "SELECT id, name, batch FROM schema_migrations ORDER BY id"
    locks = "SELECT index, is_locked FROM schema_migrations_lock"
    for query in (tracked, locks):
        by_psql = migrated.on_db(f"psql -d smartbeak -Atc {shlex.quote(query)}").splitlines()
        assert migrated.rows(query) == by_psql
    assert migrated.rows("SELECT count(*) FROM schema_migrations WHERE migration_time IS NULL") == [
        "0"
    ]


def test_each_pair_takes_back_exactly_what_it_did(checkout: Checkout) -> None:
    # One step at a time: an omission in one pair could be mended by the next one's way back.
    script = f"""
        psql="psql -d {checkout.database} -q -v ON_ERROR_STOP=1"
        dump() {{ {_DUMP} {checkout.database} | grep -v restrict; }}
        for up in /opt/smartbeak/platform/migrations/sql/*.up.sql; do
          dump >/tmp/before
          $psql -f "$up" -f "${{up%.up.sql}}.down.sql" || exit
          dump | diff /tmp/before - || {{ echo "$up"; exit 1; }}
          $psql -f "$up" || exit
        done
    """
    assert checkout.on_db(script) == ""


def test_a_database_in_use_rolls_down_and_up_with_its_rows(checkout: Checkout) -> None:
    checkout.on_db(f"pg_dump -d smartbeak --schema=public | psql -q -d {checkout.database}")
    assert checkout.rows("SELECT count(*) FROM system_flags") == ["5"]
    assert f"Batch 1: {len(NAMES)} migration(s) rolled back:" in checkout.must(
        "migrate:rollback", "--all"
    )
    assert checkout.must("migrate:rollback") == "Rolling back last batch...\nNothing to rollback.\n"
    assert f"Batch 1: {len(NAMES)} migration(s) applied:" in checkout.must("migrate")


def test_a_rollback_takes_the_whole_last_batch_and_no_more(migrated: Checkout) -> None:
    first = migrated.make("first", "CREATE TABLE first (id text);", "DROP TABLE first;")
    second = migrated.make("second", "CREATE TABLE second (id text);", "DROP TABLE second;")
    assert migrated.must("migrate:status").endswith(
        f"Pending migrations (2):\n  [ ] {first}\n  [ ] {second}\n\n"
    )
    assert "Batch 2: 2 migration(s) applied:" in migrated.must("migrate")
    assert migrated.must("migrate:rollback") == (
        "Rolling back last batch...\n"
        f"Batch 2: 2 migration(s) rolled back:\n  - {second}\n  - {first}\n"
    )
    assert migrated.rows("SELECT max(batch), count(*) FROM schema_migrations") == [
        f"1|{len(NAMES)}"
    ]


def test_a_rollback_with_another_option_takes_back_nothing(migrated: Checkout) -> None:
    done = migrated.run("migrate:rollback", "--step=1")
    assert (done["status"], done["stderr"]) == (1, "Migration failed: unknown option --step=1\n")
    assert migrated.rows("SELECT count(*) FROM schema_migrations") == [str(len(NAMES))]


def test_make_writes_a_pair_that_comes_last(checkout: Checkout) -> None:
    made = checkout.must("migrate:make", "dom Add tags!")
    found = re.fullmatch(
        r"Created migration files:\n"
        rf"  UP:   {checkout.folder}/migrations/sql/(\d{{14}}_dom_add_tags_)\.up\.sql\n"
        rf"  DOWN: {checkout.folder}/migrations/sql/(\d{{14}}_dom_add_tags_)\.down\.sql\n",
        made,
    )
    assert found and found[1] == found[2]
    assert (
        checkout.on_ops(f"ls {checkout.folder}/migrations/sql | tail -n 1")
        == f"{found[1]}.up.sql\n"
    )
    assert found[1] > max(NAMES)
    nameless = checkout.run("migrate:make")
    assert (nameless["status"], nameless["stderr"]) == (
        1,
        "Migration failed: a name is needed: npm run migrate:make -- add_tags_table\n",
    )


def test_make_says_so_where_the_checkout_cannot_be_written(stack: LocalSandbox) -> None:
    done = reply(
        stack, "ops", "cd /opt/smartbeak/platform && npm run --silent migrate:make -- tags"
    )
    assert done["status"] == 1
    assert re.match(r"Migration failed: EROFS: read-only file system, open '/opt/", done["stderr"])


def test_a_baseline_records_all_and_runs_nothing(checkout: Checkout) -> None:
    baselined = (
        "Baselining: marking all existing migrations as applied...\n"
        f"Baselined {len(NAMES)} migration(s) (batch 0).\nTotal tracked: {len(NAMES)}\n"
    )
    assert checkout.must("migrate:baseline") == baselined
    assert checkout.rows("SELECT DISTINCT batch FROM schema_migrations") == ["0"]
    assert checkout.rows("SELECT to_regclass('users')") == [""]
    assert "Pending migrations (0):" in checkout.must("migrate:status")
    assert "Already up to date." in checkout.must("migrate")
    again = checkout.must("migrate:baseline")
    assert "Baselined 0 migration(s) (batch 0)." in again


def test_a_rollback_does_not_take_back_a_baseline(migrated: Checkout) -> None:
    migrated.on_db(f"psql -q -d {migrated.database} -c 'DELETE FROM schema_migrations'")
    migrated.must("migrate:baseline")
    assert migrated.must("migrate:rollback") == (
        "Rolling back last batch...\nNothing to rollback: batch 0 is the baseline.\n"
    )
    assert migrated.rows("SELECT to_regclass('users')") == ["users"]


def test_a_failing_migration_leaves_nothing_of_itself_and_names_its_line(
    migrated: Checkout,
) -> None:
    good = migrated.make("good", "CREATE TABLE good (id text);", "DROP TABLE good;")
    broken = migrated.make(
        "broken", "CREATE TABLE half (id text);\n\nDROP TABLE nowhere;\nSELECT x"
    )
    for _ in range(2):  # the second time shows that the first let go of the lock
        done = migrated.run("migrate")
        assert done["status"] == 1
        assert done["stdout"] == "Running all pending migrations...\n"
        assert done["stderr"] == (
            f'Migration failed: {broken}.up.sql: table "nowhere" does not exist (42P01)\n'
        )
    assert migrated.rows("SELECT to_regclass('half'), to_regclass('good')") == ["|"]
    assert f"Pending migrations (2):\n  [ ] {good}\n  [ ] {broken}\n" in migrated.must(
        "migrate:status"
    )
    wrong = f"{migrated.folder}/migrations/sql/{broken}.up.sql"
    migrated.on_ops(f"printf 'SELECT 1;\n\nSELECT x;\n' >{wrong}")
    assert migrated.run("migrate")["stderr"] == (
        f'Migration failed: {broken}.up.sql:3: column "x" does not exist (42703)\n'
    )


def test_what_a_failing_rollback_took_back_before_stays_taken_back(migrated: Checkout) -> None:
    first = migrated.make("first", "CREATE TABLE first (id text);", "DROP TABLE nowhere;")
    migrated.make("second", "CREATE TABLE second (id text);", "DROP TABLE second;")
    migrated.must("migrate")
    done = migrated.run("migrate:rollback")
    assert (done["status"], done["stderr"]) == (
        1,
        f'Migration failed: {first}.down.sql: table "nowhere" does not exist (42P01)\n',
    )
    assert migrated.rows("SELECT to_regclass('first'), to_regclass('second')") == ["first|"]
    assert migrated.rows("SELECT name FROM schema_migrations WHERE batch = 2") == [first]


def test_an_index_can_be_built_concurrently(migrated: Checkout) -> None:
    valid = (
        "SELECT indisvalid FROM pg_index WHERE indexrelid = 'uq_subscriptions_org_active'::regclass"
    )
    assert migrated.rows(valid) == ["t"]
    migrated.make("late", "CREATE INDEX CONCURRENTLY late ON users (created_at);")
    migrated.must("migrate")
    assert migrated.rows("SELECT to_regclass('late')") == ["late"]


def test_a_question_mark_is_no_placeholder(migrated: Checkout) -> None:
    migrated.make(
        "questions",
        "COMMENT ON TABLE users IS 'who?';\n"
        "CREATE INDEX asked ON content_items (id) WHERE metadata ? 'answer';",
    )
    migrated.must("migrate")
    assert migrated.rows("SELECT obj_description('users'::regclass)") == ["who?"]


def test_half_a_pair_is_refused_before_anything_is_run(checkout: Checkout) -> None:
    alone = checkout.make("alone", "SELECT 1;")
    checkout.on_ops(f"rm {checkout.folder}/migrations/sql/{alone}.down.sql")
    done = checkout.run("migrate")
    assert (done["status"], done["stderr"]) == (
        1,
        f"Migration failed: {alone}.down.sql is missing: migrations are pairs\n",
    )
    assert checkout.rows("SELECT to_regclass('users')") == [""]


def test_a_lock_that_somebody_holds_is_explained(checkout: Checkout) -> None:
    checkout.must("migrate:status")
    checkout.on_db(
        f"psql -qd {checkout.database} -c 'UPDATE schema_migrations_lock SET is_locked = 1'"
    )
    done = checkout.run("migrate")
    assert (done["status"], done["stderr"]) == (
        1,
        "Migration failed: another run holds the lock. If none is going on, one was killed; "
        "release it with\n"
        "  psql \"$CONTROL_PLANE_DB\" -c 'UPDATE schema_migrations_lock SET is_locked = 0'\n",
    )
    release = re.findall(r"(?m)^  (psql .*)$", done["stderr"])[0]
    url = f"postgres://smartbeak@db-1:5432/{checkout.database}"
    assert checkout.on_ops(f"CONTROL_PLANE_DB={url}; {release}") == "UPDATE 1\n"
    assert "Batch 1:" in checkout.must("migrate")


@pytest.mark.parametrize(
    ("url", "env", "words"),
    [
        ("postgres://smartbeak@db-1:5999/{}", {}, r"connect ECONNREFUSED 127\.\S+:5999"),
        ("postgres://smartbeak@nowhere:5432/{}", {}, r"getaddrinfo \w+ nowhere"),
        (
            "",
            {"PGPASSFILE": "/nowhere"},
            r"PGPASSFILE has no password for smartbeak at db-1:5432/\w+",
        ),
        ("postgres://smartbeak:wrong@db-1:5432/{}", {}, "password authentication failed"),
        ("", {"PGSSLMODE": "disable"}, "no pg_hba.conf entry .* no encryption"),
        ("", {"PGSSLROOTCERT": "/etc/passwd", "NODE_EXTRA_CA_CERTS": ""}, "certificate"),
        ("", {"PGSSLMODE": "strict"}, "there is no sslmode strict"),
        ("db-1", {}, "CONTROL_PLANE_DB is no URL"),
        ("postgres://smartbeak@db-1.repl:5432/{}?sslmode=strict", {}, "there is no sslmode strict"),
    ],
)
def test_a_connection_that_cannot_be_is_said_in_one_line(
    checkout: Checkout, url: str, env: dict[str, str], words: str
) -> None:
    done = checkout.run("migrate:status", url=url.format(checkout.database), **env)
    assert done["status"] == 1
    assert re.fullmatch(rf"Migration failed: .*{words}.*\n", done["stderr"])


def test_without_a_database_or_a_command_it_says_what_is_missing(stack: LocalSandbox) -> None:
    npm = "cd /opt/smartbeak/platform && "
    unset = reply(stack, "ops", f"{npm} npm run --silent migrate")
    assert (unset["status"], unset["stderr"]) == (
        1,
        "Migration failed: CONTROL_PLANE_DB is not set\n",
    )
    for arguments, said in (
        ("", "usage: migrate.mjs up|rollback|status|make|baseline"),
        ("constructor", "usage: migrate.mjs up|rollback|status|make|baseline"),
    ):
        done = reply(stack, "ops", f"{npm} node scripts/migrate.mjs {arguments}")
        assert (done["status"], done["stderr"]) == (1, f"Migration failed: {said}\n")


def test_a_password_in_the_url_is_used(checkout: Checkout) -> None:
    url = f"postgres://smartbeak:$(cat /run/secrets/smartbeak)@db-1:5432/{checkout.database}"
    done = reply(
        checkout.sandbox,
        "ops",
        f'cd {checkout.folder} && CONTROL_PLANE_DB="{url}" PGPASSFILE=/nowhere '
        "npm run --silent migrate:status",
    )
    assert (done["status"], done["stderr"]) == (0, "")


def test_psql_stops_at_a_failing_migration_and_records_nothing_of_it(checkout: Checkout) -> None:
    checkout.on_db(
        "mkdir /tmp/copy && cp -r /opt/smartbeak/platform /opt/smartbeak/postgres /tmp/copy/ "
        "&& chmod -R u+w /tmp/copy"
    )
    broken = "20260210000201_broken"
    checkout.on_db(
        f"printf 'CREATE TABLE half (id text);\nDROP TABLE nowhere;\n' "
        f">/tmp/copy/platform/migrations/sql/{broken}.up.sql"
    )
    done = reply(
        checkout.sandbox,
        "db-1",
        f"/tmp/copy/postgres/bin/apply-migrations psql -d {checkout.database}",
    )
    assert done["status"] == 3
    assert f'{broken}.up.sql:2: ERROR:  table "nowhere" does not exist' in done["stderr"]
    assert checkout.rows("SELECT name FROM schema_migrations ORDER BY id") == NAMES[:2]
    assert checkout.rows("SELECT to_regclass('half'), to_regclass('domains')") == ["|domains"]
