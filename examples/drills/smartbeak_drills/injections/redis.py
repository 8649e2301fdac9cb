"""Faults of Redis."""

from __future__ import annotations

from drillbook.drills.hosts import InjectionFailed, ask, present, run, signal, spawn, until
from drillbook.sandboxes.sandbox import Sandbox
from smartbeak_drills.injections import client
from smartbeak_drills.places import (
    API,
    APP,
    CONFIG,
    FORGOTTEN,
    OPERATOR,
    PLATFORM,
    WATCHDOG,
)

MASTER, FOLLOWER = "redis-1", "redis-2"
"""The pair as every stack begins."""

DATA = "/var/lib/redis"
SETTINGS = "redis.conf"

# The newest incremental file is the last line of its kind in the manifest; up to
# Redis 6 there is one file for all. A tail that is only cut short is mended at the
# next start, so this one is not a command at all.
NEWEST_FILE = """
file=appendonly.aof
for manifest in appendonlydir/*.manifest; do
  if [[ -e $manifest ]]; then
    file=appendonlydir/$(awk '$6 == "i" { name = $2 } END { print name }' "$manifest")
  fi
done
[[ -s $file ]] || { echo "no append-only file: $file" >&2; exit 1; }
"""
GARBAGE = f"""
cd "$1"
{NEWEST_FILE}
printf 'x%.0s' {{1..64}} >>"$file"
"""

# The first byte of a command: inside a value it would be no damage that anybody sees.
DAMAGE = f"""
cd "$1"
{NEWEST_FILE}
at=$(grep --text --byte-offset --only-matching '^\\*[0-9]' "$file" | cut --delimiter : --fields 1 \\
  | awk '{{ all[NR] = $1 }} END {{ print all[int(NR / 2) + 1] }}')
printf x | dd of="$file" bs=1 seek="$at" conv=notrunc status=none
"""

# Since version 7 a manifest names the base, which is all up to the last rewrite, and what came
# later.
BASE = """
cd "$1/appendonlydir"
awk '$6 == "b" { print $2 }' *.manifest
"""
JOBS_SINCE = """
cd "$1/appendonlydir"
grep --text --count '^bull:' "$(awk '$6 == "i" { name = $2 } END { print name }' *.manifest)"
"""

# Whoever is connected has shown no password yet, so all of them are asked for it.
PASSWORD = r"""
printf 'CONFIG SET requirepass %s\nCLIENT KILL TYPE normal SKIPME yes\n' "$2" \
  | redis-cli -e -h "$1" >/dev/null
"""

# The last step of a snapshot is to give its file this name.
IN_THE_WAY = f"{DATA}/dump.rdb"


# Redis' own way to make a small file as slow as a large one: so many microseconds for each
# command in it. The sum is the least that loading takes, on a machine of any speed. It looks
# at its clients after each 1,024 commands, and whoever asks it needs some turns of that.
_COMMANDS, _EACH_US = 60_000, 100
SLOWED = """
seq "$2" | sed 's/.*/SET cache:report:& x/' | redis-cli -h "$1" --pipe >/dev/null
echo "key-load-delay $3" >>"$4"
"""
_PATIENCE_S = 4


def fill_memory(sandbox: Sandbox, host: str) -> None:
    """Has a client cache reports without an end until Redis takes no more writes."""
    client.start(
        sandbox, f"fill-{host}", "redis_fill", "--host", host, "--name", FORGOTTEN,
        what="the memory was never used up",
    )  # fmt: skip


def ask_for_replicas(sandbox: Sandbox, host: str, count: str) -> None:
    """Has a master refuse writes until so many replicas are well."""
    _cli(sandbox, host, "CONFIG", "SET", "min-replicas-to-write", count)


def wrong_policy(sandbox: Sandbox, host: str) -> None:
    """Gives Redis the policy of its provider's default, and has memory run short."""
    _cli(sandbox, host, "CONFIG", "SET", "maxmemory-policy", "volatile-lru")
    _cli(sandbox, host, "CONFIG", "REWRITE")
    before = _revocations(sandbox, host)
    client.start(
        sandbox, f"evict-{host}", "redis_fill", "--host", host, "--name", FORGOTTEN, "--ttl", "300",
        what="nothing was ever evicted",
    )  # fmt: skip
    until(
        lambda: before == 0 or _revocations(sandbox, host) < before,
        "a revoked token to be evicted",
    )


def exhaust(sandbox: Sandbox, host: str) -> None:
    """Has a leaking client take every connection that Redis gives away."""
    client.start(
        sandbox, f"leak-{host}", "redis_leak", "--host", host, "--name", FORGOTTEN,
        what="the connections were never used up",
    )  # fmt: skip


def corrupt_aof(sandbox: Sandbox, host: str) -> None:
    """Kills Redis and leaves garbage at the end of its append-only file."""
    signal(sandbox, host, "KILL")
    run(sandbox, host, "bash", "-euc", GARBAGE, "bash", DATA)


def restart_while_loading(sandbox: Sandbox, host: str) -> None:
    """Kills Redis, whose file takes long to load, and has a watchdog that does not wait for it."""
    settings = f"{DATA}/{SETTINGS}"
    run(
        sandbox, host, "bash", "-euc", SLOWED, "bash",
        host, str(_COMMANDS), str(_EACH_US), settings,
    )  # fmt: skip
    signal(sandbox, host, "KILL")
    spawn(
        sandbox, host, "watchdog",
        ["python3", "-m", "smartbeak_drills.watchdog", "--name", WATCHDOG, "--host", host,
         "--folder", DATA, "--patience", f"{_PATIENCE_S:g}"],
        what="the watchdog killed nobody",
    )  # fmt: skip


def damage_aof(sandbox: Sandbox, host: str) -> None:
    """Kills Redis and changes a byte in the middle of its append-only file."""
    signal(sandbox, host, "KILL")
    run(sandbox, host, "bash", "-euo", "pipefail", "-c", DAMAGE, "bash", DATA)


def lose_base(sandbox: Sandbox, host: str) -> None:
    """Kills Redis after a rewrite and deletes the base of its append-only files."""
    before = _base(sandbox, host)
    run(sandbox, OPERATOR, "redis-cli", "-e", "-h", host, "BGREWRITEAOF")
    until(lambda: _base(sandbox, host) != before, "the file to be rewritten")
    # So that the files that are left hold something, and not all.
    jobs = ("bash", "-euc", JOBS_SINCE, "bash", DATA)
    until(lambda: ask(sandbox, host, *jobs)["status"] == 0, "a job after the rewrite")
    signal(sandbox, host, "KILL")
    run(sandbox, host, "rm", f"{DATA}/appendonlydir/{_base(sandbox, host)}")


def wipe(sandbox: Sandbox) -> None:
    """Kills every Redis and deletes its data; the sentinels keep what they know."""
    hosts = [host for host in sandbox.hosts if host.startswith("redis-")]
    for host in hosts:
        signal(sandbox, host, "KILL")
    for host in hosts:
        run(sandbox, host, "find", DATA, "-mindepth", "1", "!", "-name", SETTINGS, "-delete")


def lose_data(sandbox: Sandbox, host: str) -> None:
    """Kills one Redis and deletes its data, but not its configuration."""
    signal(sandbox, host, "KILL")
    run(sandbox, host, "find", DATA, "-mindepth", "1", "!", "-name", SETTINGS, "-delete")


def flush(sandbox: Sandbox, host: str) -> None:
    """Empties Redis, as somebody does who takes it for a mere cache."""
    _cli(sandbox, host, "FLUSHALL")


def change_password(sandbox: Sandbox, host: str) -> None:
    """Gives the running server a password, and ends all connections."""
    run(sandbox, OPERATOR, "bash", "-euc", PASSWORD, "bash", host, "not-in-any-secret")


def fail_snapshots(sandbox: Sandbox, host: str) -> None:
    """Puts a folder where the snapshot goes, and has Redis try one."""
    run(sandbox, host, "mkdir", IN_THE_WAY)
    run(sandbox, OPERATOR, "redis-cli", "-e", "-h", host, "BGSAVE")
    failed = "rdb_last_bgsave_status:err"
    until(
        lambda: failed in run(sandbox, OPERATOR, "redis-cli", "-h", host, "INFO", "persistence"),
        "the snapshot to fail",
    )
    # Only where snapshots are made by rule does a failed one stop the writes. Not by this
    # rule in the time of a drill: it would try again by itself.
    _cli(sandbox, host, "CONFIG", "SET", "save", "3600 1")


def split(sandbox: Sandbox) -> None:
    """Has a replica promoted by hand while the master hangs, and not everybody told.

    What users order meanwhile is in the old master alone: no worker looks there any more.
    """
    signal(sandbox, MASTER, "STOP")
    _cli(sandbox, FOLLOWER, "REPLICAOF", "NO", "ONE")
    _cli(sandbox, FOLLOWER, "CONFIG", "REWRITE")
    moved = f"/^REDIS_URL=/s/{MASTER}:/{FOLLOWER}:/"
    run(sandbox, APP, "sed", "--in-place", moved, CONFIG)
    signal(sandbox, MASTER, "CONT")
    for host in present(sandbox, PLATFORM):
        if host != API:
            run(sandbox, host, "platform-service", "restart")
    waiting = ("redis-cli", "-h", MASTER, "ZCARD", "bull:publishing:prioritized")
    until(lambda: int(run(sandbox, OPERATOR, *waiting)) > 0, "a job at the old master")


def misname(sandbox: Sandbox) -> None:
    """Writes a name that no host has into the platform's address, and restarts who reads it."""
    run(sandbox, APP, "sed", "--in-place", "/^REDIS_URL=/s/redis-1:/redis-9:/", CONFIG)
    for host in present(sandbox, PLATFORM):
        ask(sandbox, host, "platform-service", "restart")


def _base(sandbox: Sandbox, host: str) -> str:
    return run(sandbox, host, "bash", "-euc", BASE, "bash", DATA)


def _revocations(sandbox: Sandbox, host: str) -> int:
    argv = ["redis-cli", "-h", host, "--scan", "--pattern", "jwt:revoked:*"]
    return len(run(sandbox, OPERATOR, *argv).split())


def _cli(sandbox: Sandbox, host: str, *words: str) -> None:
    # redis-cli ends with 0 whatever Redis answers.
    said = run(sandbox, OPERATOR, "redis-cli", "-h", host, *words)
    if said != "OK":
        raise InjectionFailed(f"`{' '.join(words)}` on {host}: {said}")
