"""How each fault comes about: what is done to the hosts, through their agents.

Only operations of the agent are used, so a fault is the same in every backend.
`drillbook.drills.faults` names the faults and knows the grammar.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from drillbook.pages.options import duration
from drillbook.sandboxes.sandbox import Reply, Sandbox

Injection = Callable[..., None]
"""Takes the sandbox and the step's arguments."""

# Paths that are the same on every host of the stack, in both backends.
DATA = "/var/lib/postgresql/data"
PIDFILE = f"{DATA}/postmaster.pid"
LOG = "/var/log/postgresql/postgresql.log"
ARCHIVE = "/srv/backup/wal"
CONFIG = "/etc/smartbeak/platform.env"
STATEMENTS = "/opt/smartbeak/faults"
HEALTHY = "/opt/smartbeak/postgres/bin/postgres-healthy"

PRIMARY, REPLICA, PLATFORM, OPERATOR = "db-1", "db-2", "app", "ops"

_REQUEST_S = 30.0
_PATIENCE_S = 20.0
_POLL_S = 0.05


class InjectionFailed(Exception):
    """A fault that could not be brought about; says why."""


def send_signal(name: str) -> Injection:
    """The injection that sends a signal to every process of a host's service."""

    def send(sandbox: Sandbox, host: str) -> None:
        request = sandbox.host(host).request
        request("signal", timeout_s=_REQUEST_S, pidfile=PIDFILE, signal=name)

    return send


def cut(sandbox: Sandbox, link: str) -> None:
    """Lets nothing pass the link."""
    _link(sandbox, link, "cut")


def delay(sandbox: Sandbox, link: str, time_added: str) -> None:
    """Makes every byte on the link arrive later."""
    _link(sandbox, link, "delay", duration(time_added))


def reopen(sandbox: Sandbox, link: str) -> None:
    """Lets everything pass the link."""
    _link(sandbox, link, "open")


def exhaust(sandbox: Sandbox, host: str) -> None:
    """Has a leaking client take every connection that the host's server gives away."""
    app, name = sandbox.host(PLATFORM), f"leak-{host}"
    argv = ["python3", "-m", "drillbook.drills.leak", "--config", CONFIG, "--host", host]
    app.request("spawn", timeout_s=_REQUEST_S, name=name, argv=argv)
    line = app.request("read", timeout_s=_PATIENCE_S, name=name)["line"]
    if line is None:
        end = app.request("finish", timeout_s=_REQUEST_S, name=name)
        raise InjectionFailed(f"the connections were never used up: {end['stderr'].strip()}")


def break_replication(sandbox: Sandbox, replica: str) -> None:
    """Has the replica's link out for longer than the primary and its archive keep WAL.

    The replica then asks for WAL that is nowhere any more, and only a new copy of
    the primary helps.
    """
    sender = _sql(sandbox, replica, "SELECT sender_host FROM pg_stat_wal_receiver")
    if not sender.endswith(".repl"):
        raise InjectionFailed(f"{replica} streams from {sender or 'nowhere'}, which is no link")
    primary, link = sender.removesuffix(".repl"), sender.replace(".", "-")
    _link(sandbox, link, "cut")
    # The primary gives such a connection up by itself after wal_sender_timeout.
    ended = f"""
        SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_replication
        WHERE application_name = '{replica}'"""
    _sql(sandbox, primary, ended)
    last = _sql(sandbox, primary, "SELECT pg_walfile_name(pg_current_wal_lsn())")
    # More segments than wal_keep_size holds back.
    filled = """
        SELECT count(pg_logical_emit_message(false, 'drill', 'x')), count(pg_switch_wal())
        FROM generate_series(1, 4 + pg_size_bytes(current_setting('wal_keep_size'))
                                  / pg_size_bytes(current_setting('wal_segment_size')))"""
    _sql(sandbox, primary, filled)
    # A segment goes with the first checkpoint after it was archived, so: until it is gone.
    gone = ("CHECKPOINT", f"SELECT pg_stat_file('pg_wal/{last}', true) IS NULL")
    _until(lambda: _sql(sandbox, primary, *gone) == "t", f"{last} to be recycled")
    oldest = _sql(
        sandbox, primary, "SELECT min(name) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'"
    )
    _run(sandbox, primary, "pg_archivecleanup", ARCHIVE, oldest)
    _link(sandbox, link, "open")


def lose_data(sandbox: Sandbox, host: str) -> None:
    """Kills the service and deletes what is in its data folder."""
    send_signal("KILL")(sandbox, host)
    _run(sandbox, host, "find", DATA, "-mindepth", "1", "-delete")


def run_sql(sandbox: Sandbox, host: str, file: str) -> None:
    """Runs a file of examples/faults as smartbeak, on the operator's machine."""
    _run(
        sandbox, OPERATOR, "psql", "--no-psqlrc", "--quiet", f"--host={host}",
        "--username=smartbeak", "--dbname=smartbeak", "--set=ON_ERROR_STOP=1",
        f"--file={STATEMENTS}/{file}",
    )  # fmt: skip


def swap_roles(sandbox: Sandbox) -> None:
    """Fails over cleanly, as an earlier incident left it: no row is lost by it."""
    _run(sandbox, PRIMARY, "pg_ctl", "stop", f"--pgdata={DATA}", "--mode=fast", "--wait")
    _run(sandbox, REPLICA, "pg_ctl", "promote", f"--pgdata={DATA}", "--wait")
    _sql(sandbox, REPLICA, "CHECKPOINT")
    _run(sandbox, PLATFORM, "sed", "--in-place", f"s/@{PRIMARY}:/@{REPLICA}:/", CONFIG)
    _run(sandbox, PRIMARY, "touch", f"{DATA}/standby.signal")
    _run(sandbox, PRIMARY, "pg_ctl", "start", f"--pgdata={DATA}", f"--log={LOG}", "--wait")
    for host in (PRIMARY, REPLICA):
        _until_healthy(sandbox, host)


def wait(_: Sandbox, time_passed: str) -> None:
    """Lets time pass."""
    time.sleep(duration(time_passed))


def _link(sandbox: Sandbox, link: str, mode: str, delay_s: float = 0.0) -> None:
    sandbox.host(link).request("link", timeout_s=_REQUEST_S, mode=mode, delay_s=delay_s)


def _ask(sandbox: Sandbox, host: str, *argv: str) -> Reply:
    return sandbox.host(host).request("exec", timeout_s=_REQUEST_S, argv=list(argv))


def _run(sandbox: Sandbox, host: str, *argv: str) -> str:
    reply = _ask(sandbox, host, *argv)
    if reply["status"] != 0:
        said = (reply["stderr"] or reply["stdout"]).strip()
        raise InjectionFailed(f"`{' '.join(argv)}` on {host} ended with {reply['status']}: {said}")
    return str(reply["stdout"]).strip()


def _sql(sandbox: Sandbox, host: str, *statements: str) -> str:
    """Runs SQL on a database host as its service user, each statement by itself."""
    return _run(
        sandbox, host, "psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only",
        "--set=ON_ERROR_STOP=1", "--dbname=postgres", *(f"--command={each}" for each in statements),
    )  # fmt: skip


def _until_healthy(sandbox: Sandbox, host: str) -> None:
    _until(lambda: _ask(sandbox, host, HEALTHY)["status"] == 0, f"{host} to be healthy")


def _until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            raise InjectionFailed(f"waited {_PATIENCE_S:g} s for {what}")
        time.sleep(_POLL_S)
