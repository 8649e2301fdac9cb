"""Faults of the databases."""

from __future__ import annotations

from drillbook.drills.hosts import (
    InjectionFailed,
    ask,
    present,
    run,
    set_link,
    signal,
    spawn,
    until,
)
from drillbook.sandboxes.sandbox import Sandbox
from smartbeak_drills.injections import client
from smartbeak_drills.places import (
    API,
    APP,
    CONFIG,
    FORGOTTEN,
    LIMITER,
    OPERATOR,
    PLATFORM,
    PRIMARY,
    REPLICA,
)

DATA = "/var/lib/postgresql/data"
TLS = "/var/lib/postgresql/tls"
LOG = "/var/log/postgresql/postgresql.log"
ARCHIVE = "/srv/backup/wal"
STATEMENTS = "/opt/smartbeak/faults"
_WAIT_FOR = "synchronous_standby_names"
HEALTHY = "/opt/smartbeak/postgres/bin/postgres-healthy"


def exhaust(sandbox: Sandbox, host: str) -> None:
    """Has a leaking client take every connection that the host's server gives away."""
    client.start(
        sandbox, f"leak-{host}", "leak", "--host", host, "--name", FORGOTTEN,
        what="the connections were never used up",
    )  # fmt: skip


def exhaust_by_pool(sandbox: Sandbox, size: str) -> None:
    """Has the API's pool grow until the server has no connection left for others."""
    run(sandbox, APP, "sed", "--in-place", f"s/^DB_POOL_SIZE=.*/DB_POOL_SIZE={size}/", CONFIG)
    run(sandbox, "api", "platform-service", "restart")
    client.start(
        sandbox, "traffic", "traffic", "--at-once", size, what="the API's pool did not grow"
    )


def break_replication(sandbox: Sandbox, replica: str) -> None:
    """Has the replica's link out for longer than the primary and its archive keep WAL.

    The replica then asks for WAL that is nowhere any more, and only a new copy of
    the primary helps.
    """
    sender = sql(sandbox, replica, "SELECT sender_host FROM pg_stat_wal_receiver")
    if not sender.endswith(".repl"):
        raise InjectionFailed(f"{replica} streams from {sender or 'nowhere'}, which is no link")
    primary, link = sender.removesuffix(".repl"), sender.replace(".", "-")
    set_link(sandbox, link, "cut")
    # The primary gives such a connection up by itself after wal_sender_timeout.
    ended = f"""
        SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_replication
        WHERE application_name = '{replica}'"""
    sql(sandbox, primary, ended)
    last = sql(sandbox, primary, "SELECT pg_walfile_name(pg_current_wal_lsn())")
    # More segments than wal_keep_size holds back.
    filled = """
        SELECT count(pg_logical_emit_message(false, 'drill', 'x')), count(pg_switch_wal())
        FROM generate_series(1, 4 + pg_size_bytes(current_setting('wal_keep_size'))
                                  / pg_size_bytes(current_setting('wal_segment_size')))"""
    sql(sandbox, primary, filled)
    # A segment goes with the first checkpoint after it was archived, so: until it is gone.
    gone = ("CHECKPOINT", f"SELECT pg_stat_file('pg_wal/{last}', true) IS NULL")
    until(lambda: sql(sandbox, primary, *gone) == "t", f"{last} to be recycled")
    oldest = sql(
        sandbox, primary, "SELECT min(name) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'"
    )
    run(sandbox, primary, "pg_archivecleanup", ARCHIVE, oldest)
    set_link(sandbox, link, "open")


def lose_data(sandbox: Sandbox, host: str) -> None:
    """Kills the service and deletes what is in its data folder."""
    signal(sandbox, host, "KILL")
    run(sandbox, host, "find", DATA, "-mindepth", "1", "-delete")


def run_sql(sandbox: Sandbox, host: str, file: str) -> None:
    """Runs a file of examples/faults as smartbeak, on the operator's machine."""
    run(
        sandbox, OPERATOR, "psql", "--no-psqlrc", "--quiet", f"--host={host}",
        "--username=smartbeak", "--dbname=smartbeak", "--set=ON_ERROR_STOP=1",
        f"--file={STATEMENTS}/{file}",
    )  # fmt: skip


def change_password(sandbox: Sandbox, role: str) -> None:
    """Gives a role another password than its secret has, and ends its sessions."""
    changed = f"""
        DO $$ BEGIN
          EXECUTE format('ALTER ROLE %I PASSWORD %L', '{role}', gen_random_uuid());
        END $$"""
    sql(sandbox, PRIMARY, changed)
    ended = (
        f"SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE usename = '{role}'"
    )
    sql(sandbox, PRIMARY, ended)


def expire_certificate(sandbox: Sandbox) -> None:
    """Gives the primary a certificate that is over, and ends the sessions of before.

    Sessions that are open outlive their certificate; those of pools end when they were idle
    for long, and all of them when a process is restarted.
    """
    expired = f"/run/tls/{PRIMARY}.expired.pem"
    for name, mode in (("key", "600"), ("crt", "644")):
        run(sandbox, PRIMARY, "install", "-m", mode, expired, f"{TLS}/server.{name}")
    sql(sandbox, PRIMARY, "SELECT pg_reload_conf()")
    is_over = f"openssl s_client -starttls postgres -connect {PRIMARY}:5432 </dev/null 2>/dev/null"
    checked = f"{is_over} | openssl x509 -noout -checkend 0"
    until(
        lambda: ask(sandbox, PRIMARY, "bash", "-c", checked)["status"] == 1,
        "the expired certificate to be in use",
    )
    sql(
        sandbox, PRIMARY,
        "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
        "WHERE client_addr IS NOT NULL",
    )  # fmt: skip


def lose_password_file(sandbox: Sandbox) -> None:
    """Empties the password file of the API, and ends its sessions."""
    run(sandbox, API, "bash", "-euc", ': >"$PGPASSFILE"')
    ended = """
        SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity
        WHERE application_name = 'smartbeak-api'"""
    if sql(sandbox, PRIMARY, ended) == "0":
        raise InjectionFailed("the API has no session")


def hold_lock(sandbox: Sandbox, table: str) -> None:
    """Has a session take a table for itself and stay open, idle in its transaction."""
    client.start(
        sandbox, f"hold-{table}", "hold", "--host", PRIMARY, "--name", FORGOTTEN,
        "--table", table, what=f"{table} was never locked",
    )  # fmt: skip


def misname(sandbox: Sandbox, name: str = REPLICA) -> None:
    """Writes another name into the platform's address and restarts who reads it."""
    run(sandbox, APP, "sed", "--in-place", f"s/@{PRIMARY}:/@{name}:/", CONFIG)
    for host in present(sandbox, PLATFORM):
        ask(sandbox, host, "platform-service", "restart")


def _end_sessions(sandbox: Sandbox) -> None:
    """Ends the platform's sessions: what is set for its role or database is for new ones."""
    sql(
        sandbox, PRIMARY,
        "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE usename = 'smartbeak'",
    )  # fmt: skip


def make_read_only(sandbox: Sandbox) -> None:
    """Switches writing off for the platform's database, and ends its sessions."""
    sql(sandbox, PRIMARY, "ALTER DATABASE smartbeak SET default_transaction_read_only = on")
    _end_sessions(sandbox)


def refuse_login(sandbox: Sandbox) -> None:
    """Takes the platform's role its right to log in, and ends its sessions."""
    sql(sandbox, PRIMARY, "ALTER ROLE smartbeak NOLOGIN")
    _end_sessions(sandbox)


def ask_for_standby(sandbox: Sandbox, name: str) -> None:
    """Has every commit wait for a standby of that name.

    It counts from when the checkpointer has read it; until then commits do not wait.
    """
    sql(sandbox, PRIMARY, f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
    sql(sandbox, PRIMARY, "SELECT pg_reload_conf()")


def outgrow_replica(sandbox: Sandbox) -> None:
    """Gives the primary more connections than the replica has; then the primary dies.

    The replica pauses replay when it reads of it, as it may not serve more than it can hold.
    """
    sql(sandbox, PRIMARY, "ALTER SYSTEM SET max_connections = 60")
    run(
        sandbox, PRIMARY, "pg_ctl", "restart", f"--pgdata={DATA}", f"--log={LOG}", "--mode=fast",
        "--wait",
    )  # fmt: skip
    paused = "SELECT pg_get_wal_replay_pause_state()"
    until(lambda: sql(sandbox, REPLICA, paused) == "paused", "replay to pause")


def recover_slowly(sandbox: Sandbox) -> None:
    """Has the primary's server replay much log, and be stopped most of the time."""
    sql(
        sandbox, PRIMARY,
        "CREATE TABLE replayed AS "
        "SELECT id, repeat('x', 100) AS x FROM generate_series(1, 20000) AS id",
        "CREATE INDEX ON replayed (id)",
        "CHECKPOINT",
        *["UPDATE replayed SET id = id + 1"] * 8,
    )  # fmt: skip
    signal(sandbox, PRIMARY, "KILL")
    title = f"postgres: {PRIMARY}: startup"
    spawn(
        sandbox, PRIMARY, "limit",
        ["python3", "-m", "smartbeak_drills.limit", "--name", LIMITER, "--title", title,
         "--percent", "0.3"],
        what="the limiter did not begin",
    )  # fmt: skip
    run(
        sandbox, PRIMARY, "pg_ctl", "start", f"--pgdata={DATA}", f"--log={LOG}", "--no-wait",
        "--silent",
    )  # fmt: skip
    replays = ("pgrep", "--full", f"^{title} recovering")
    until(lambda: ask(sandbox, PRIMARY, *replays)["status"] == 0, "the server to replay")


def sever_replica(sandbox: Sandbox) -> None:
    """Lets nothing pass from the primary to its replica, and ends what was open."""
    set_link(sandbox, f"{PRIMARY}-repl", "cut")
    sql(
        sandbox, PRIMARY,
        f"SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_replication "
        f"WHERE application_name = '{REPLICA}'",
    )  # fmt: skip


def fall_behind(sandbox: Sandbox) -> None:
    """Has the primary write log that neither the replica nor the archive gets."""
    sever_replica(sandbox)
    run(sandbox, PRIMARY, "chmod", "000", ARCHIVE)
    before = int(sql(sandbox, PRIMARY, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"))
    padded = """
        SELECT count(pg_logical_emit_message(false, 'drill', repeat('x', 1024 * 1024)))
        FROM generate_series(1, 8)"""
    sql(sandbox, PRIMARY, padded)
    now = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
    until(lambda: int(sql(sandbox, PRIMARY, now)) > before + 100, "users to write")
    # The archiver would try again within a second, or within a minute, as it happens: not before
    # the server starts again.
    run(sandbox, PRIMARY, "pkill", "--signal", "STOP", "--full", f"^postgres: {PRIMARY}: archiver")
    run(sandbox, PRIMARY, "chmod", "700", ARCHIVE)


def swap_roles(sandbox: Sandbox) -> None:
    """Fails over cleanly, as an earlier incident left it: no row is lost by it."""
    fail_over(sandbox)
    for host in present(sandbox, PLATFORM):
        run(sandbox, host, "platform-service", "restart")


def fail_over(sandbox: Sandbox) -> None:
    """The same, but whoever runs already still has the old address."""
    run(sandbox, PRIMARY, "pg_ctl", "stop", f"--pgdata={DATA}", "--mode=fast", "--wait")
    _promote(sandbox)
    run(sandbox, PRIMARY, "touch", f"{DATA}/standby.signal")
    run(sandbox, PRIMARY, "pg_ctl", "start", f"--pgdata={DATA}", f"--log={LOG}", "--wait")
    for host in (PRIMARY, REPLICA):
        until_healthy(sandbox, host)


def stop_smartly(sandbox: Sandbox) -> None:
    """Has somebody stop the primary in order, which waits for sessions that do not end."""
    run(sandbox, PRIMARY, "pg_ctl", "stop", f"--pgdata={DATA}", "--mode=smart", "--no-wait")


def leave_primary(sandbox: Sandbox) -> None:
    """Fails over after a crash, and leaves the old primary as it died.

    What it confirmed before is on the replica: it waited for that, for the last commits. How
    many a crash without it would have cost is a matter of milliseconds, and of luck.
    """
    _wait_for_replica(sandbox)
    signal(sandbox, PRIMARY, "KILL")
    # It would wait for its replica again, whoever starts it.
    setting = f"/{_WAIT_FOR}/d"
    run(sandbox, PRIMARY, "sed", "--in-place", setting, f"{DATA}/postgresql.auto.conf")
    _promote(sandbox)
    for host in present(sandbox, PLATFORM):
        run(sandbox, host, "platform-service", "restart")


def split(sandbox: Sandbox) -> None:
    """Fails over and leaves the old primary as it is: both take users' writes."""
    _promote(sandbox)
    begin = sql(sandbox, PRIMARY, "SELECT clock_timestamp()")
    for host in (PRIMARY, REPLICA):
        changed = f"UPDATE content_items SET title = 'Written on {host}' WHERE id = 'content_11'"
        sql(sandbox, host, changed, database="smartbeak")
    written = """
        INSERT INTO content_items (id, domain_id, title, body, status)
        SELECT 'content_of_' || number, domain_id, 'Written on one side', body, 'draft'
        FROM content_items, generate_series(1, 2) AS number WHERE id = 'content_11'"""
    sql(sandbox, PRIMARY, written, database="smartbeak")
    users_write = f"SELECT count(*) > 4 FROM drillbook.probe WHERE at > '{begin}'"

    def both() -> bool:
        hosts = (PRIMARY, REPLICA)
        return all(sql(sandbox, host, users_write, database="smartbeak") == "t" for host in hosts)

    until(both, "users to write to both servers")


def strand_worker(sandbox: Sandbox, worker: str) -> None:
    """Fails over cleanly, and restarts all of the platform's processes but one worker."""
    fail_over(sandbox)
    for host in present(sandbox, PLATFORM):
        if host != worker:
            run(sandbox, host, "platform-service", "restart")


def _wait_for_replica(sandbox: Sandbox) -> None:
    """From now on the primary confirms nothing that its replica has not written to disk."""
    sql(sandbox, PRIMARY, f"ALTER SYSTEM SET {_WAIT_FOR} = '*'", "SELECT pg_reload_conf()")
    states = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
    until(lambda: sql(sandbox, PRIMARY, states) == "1", "the replica to be waited for")
    # Sessions see it from the checkpointer, which reads its settings before each checkpoint.
    sql(sandbox, PRIMARY, "CHECKPOINT")
    # What was confirmed before is still on its way.
    begun = sql(sandbox, PRIMARY, "SELECT pg_current_wal_flush_lsn()")
    arrived = f"SELECT flush_lsn >= '{begun}' FROM pg_stat_replication"
    until(lambda: sql(sandbox, PRIMARY, arrived) == "t", "the replica to have what was confirmed")


def _promote(sandbox: Sandbox) -> None:
    run(sandbox, REPLICA, "pg_ctl", "promote", f"--pgdata={DATA}", "--wait")
    sql(sandbox, REPLICA, "CHECKPOINT")
    run(sandbox, APP, "sed", "--in-place", f"s/@{PRIMARY}:/@{REPLICA}:/", CONFIG)


def sql(sandbox: Sandbox, host: str, *statements: str, database: str = "postgres") -> str:
    """Runs SQL on a database host as its service user, each statement by itself."""
    return run(
        sandbox, host, "psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only",
        "--set=ON_ERROR_STOP=1", f"--dbname={database}",
        *(f"--command={each}" for each in statements),
    )  # fmt: skip


def until_healthy(sandbox: Sandbox, host: str) -> None:
    """Waits until a database host does its work."""
    until(lambda: ask(sandbox, host, HEALTHY)["status"] == 0, f"{host} to be healthy")
