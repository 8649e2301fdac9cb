"""Faults of the platform, its Redis and its queues, on a running stack.

Each is noticed by its oracle, stays until something is done about it, and is over then.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from drillbook.drills import faults
from drillbook.drills.watch import Account, Watch
from drillbook.sandboxes.local import LocalBackend
from drillbook.sandboxes.local_sandbox import LocalSandbox
from smartbeak_drills.kit import KIT
from tests.stack.test_prober import run, sql

PLATFORM = ("ops", "app", "db-1", "redis-1", "api")
LASTS_S = 4.0
"""More than users must have been served for, to count as served."""

NOTICED_S = BACK_S = 120.0

REPORTS = (
    "redis-cli -h redis-1 --scan --pattern 'cache:report:*' | xargs redis-cli -h redis-1 unlink"
)
START_REDIS = "setsid redis-server /var/lib/redis/redis.conf >/dev/null 2>&1 </dev/null &"
# Whose sessions were ended stands in the database too.
REVOKE = (
    "user=$(psql -Atq -h db-1 -U smartbeak -c 'SELECT id FROM users WHERE session_version > 1'"
    " smartbeak) && redis-cli -h redis-1 set jwt:revoked:user:$user $(date +%s)000"
)
END_WORKER = (
    "pid=$(</run/platform.pid); kill -KILL $pid; while [[ -e /proc/$pid ]]; do sleep 0.05; done;"
    " platform-service start"
)
BULLMQ = (
    "cd /opt/smartbeak/platform && node --eval \"const {{ Queue }} = require('bullmq'); const queue"
    " = new Queue('publishing', {{ connection: {{ url: 'redis://redis-1:6379' }} }});"
    ' queue.{}.then(() => queue.close())"'
)


class Drill:
    """A sandbox with a prober at work, and what is done to it.

    Args:
        sandbox: Where.
        oracle: What counts as being served.
    """

    def __init__(self, sandbox: LocalSandbox, oracle: str) -> None:
        self.sandbox = sandbox
        self.watch = Watch(sandbox, "app", KIT.prober, oracle)
        assert self.watch.until(True, timeout_s=BACK_S, acknowledged=3), self.watch.last_error

    def breaks(self, fault: str, *, error: str = "") -> None:
        """Users notice the fault, and it does not pass by itself."""
        faults.inject(faults.parse(fault, KIT), KIT, self.sandbox)
        assert self.watch.until(False, timeout_s=NOTICED_S), f"{fault}: nobody noticed"
        assert not self.watch.until(True, timeout_s=LASTS_S), f"{fault}: it passed by itself"
        # One look among many may end in other words, as on a busy machine.
        deadline = time.monotonic() + NOTICED_S
        while error not in self.watch.last_error and time.monotonic() < deadline:
            assert not self.watch.until(True, timeout_s=0.1), f"{fault}: it passed by itself"
        assert error in self.watch.last_error

    def cure(self, host: str, command: str) -> str:
        return run(self.sandbox, host, "bash", "-euo", "pipefail", "-c", command)

    def back(self) -> None:
        """Users are served again."""
        assert self.watch.until(True, timeout_s=BACK_S), self.watch.last_error

    def finish(self) -> Account:
        return self.watch.finish()


@pytest.fixture
def platform(local_backend: LocalBackend) -> Iterator[LocalSandbox]:
    sandbox = local_backend.open(PLATFORM, label="test")
    yield sandbox
    sandbox.close()


@pytest.fixture
def pair_with_platform(local_backend: LocalBackend) -> Iterator[LocalSandbox]:
    sandbox = local_backend.open([*PLATFORM, "db-2"], label="test")
    yield sandbox
    sandbox.close()


@pytest.fixture
def publishing(local_backend: LocalBackend) -> Iterator[LocalSandbox]:
    sandbox = local_backend.open([*PLATFORM, "worker"], label="test")
    yield sandbox
    sandbox.close()


def figures(account: Account) -> dict[str, tuple[int, int]]:
    """Lost and doubled by kind."""
    return {kind.kind: (kind.lost, kind.doubled) for kind in account.kinds}


def test_redis_full_used_up_corrupt_evicting_emptied_and_wiped(platform: LocalSandbox) -> None:
    drill = Drill(platform, "restored")

    drill.breaks("fill-memory redis-1", error="OOM command not allowed")
    # More memory is no cure for whoever takes it all.
    drill.cure("ops", "redis-cli -h redis-1 config set maxmemory 80mb")
    used = "redis-cli -h redis-1 info memory | grep --only-matching 'used_memory:8[0-9]*'"
    drill.cure("ops", f"until {used}; do sleep 0.1; done")
    assert drill.watch.until(False, timeout_s=NOTICED_S)
    drill.cure("ops", REPORTS)
    drill.back()
    assert drill.cure("ops", "redis-cli -h redis-1 --scan --pattern 'cache:report:*'") == ""

    drill.breaks("exhaust redis-1", error="ERR max number of clients reached")
    assert "max number of clients" in drill.cure("ops", "redis-cli -h redis-1 ping")
    drill.cure("app", "pgrep --full '[s]martbeak-report-worker.*' | xargs kill")
    drill.back()

    drill.breaks("corrupt-aof redis-1", error="Connection refused")
    manifest = "appendonlydir/appendonly.aof.manifest"
    files = drill.cure("redis-1", "cd /var/lib/redis; ls -d appendonly.aof appendonlydir || true")
    drill.cure("redis-1", f"{START_REDIS} sleep 0.5; ! redis-cli -h redis-1 ping 2>&1")
    aof = manifest if "appendonlydir" in files else "appendonly.aof"
    drill.cure("redis-1", f"cd /var/lib/redis; echo y | redis-check-aof --fix {aof}")
    drill.cure("redis-1", START_REDIS)
    drill.back()

    drill.breaks("wrong-policy redis-1", error="revoked tokens")
    drill.cure("ops", "redis-cli -h redis-1 config set maxmemory-policy noeviction")
    drill.cure("ops", REPORTS)
    drill.cure("ops", REVOKE)
    drill.back()

    # Who tries them may have to wait: of how many, depends on what was tried in the last minute.
    drill.breaks("flush-redis redis-1", error="revoked tokens")
    drill.cure("ops", REVOKE)
    drill.back()

    drill.breaks("wipe-redis", error="Connection refused")
    assert drill.cure("redis-1", "ls -A /var/lib/redis") == "redis.conf\n"
    drill.cure("redis-1", START_REDIS)
    assert not drill.watch.until(True, timeout_s=LASTS_S)
    drill.cure("ops", REVOKE)
    drill.back()

    account = drill.finish()
    assert (account.held, figures(account)) == (True, {"content": (0, 0)})
    assert account.kinds[0].gap_s > LASTS_S


def test_a_stale_cache_a_dead_api_and_content_that_is_lost_and_doubled(
    platform: LocalSandbox,
) -> None:
    drill = Drill(platform, "fresh")
    drill.breaks("stale-cache", error="10 pieces are read other than they were written")
    drill.cure(
        "ops",
        "redis-cli -h redis-1 --scan --pattern 'cache:*' | xargs redis-cli -h redis-1 unlink",
    )
    drill.back()
    drill.breaks("kill api", error="Connection refused")
    drill.cure("api", "platform-service start")
    drill.back()
    drill.breaks("pause api")
    drill.cure("api", "kill -CONT $(</run/platform.pid)")
    drill.back()
    some = "SELECT min(id) FROM content_items WHERE title LIKE 'Drill %'"
    sql(platform, f"DELETE FROM content_items WHERE id = ({some})")
    columns = "domain_id, title, body, status"
    sql(platform, f"INSERT INTO content_items (id, {columns}) SELECT 'again', {columns}"
                  f" FROM content_items WHERE id = ({some})")  # fmt: skip
    account = drill.finish()
    assert figures(account) == {"content": (1, 1)}
    assert (len(account.lost), account.doubled, account.counted) == (1, 1, True)


def test_connections_credentials_and_a_failover_seen_through_the_platform(
    pair_with_platform: LocalSandbox,
) -> None:
    sandbox = pair_with_platform
    drill = Drill(sandbox, "connections")

    drill.breaks("exhaust db-1", error="FATAL:  remaining connection slots are reserved")
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{}'"
    sql(sandbox, end.format("smartbeak-report-worker"))
    drill.back()

    drill.breaks("exhaust-pool 40", error="FATAL:  remaining connection slots are reserved")
    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'smartbeak-api'"
    assert int(sql(sandbox, count)) > 20
    drill.cure("ops", "sed -i 's/^DB_POOL_SIZE=.*/DB_POOL_SIZE=8/' /etc/smartbeak/platform.env")
    drill.cure("api", "platform-service restart")
    drill.back()

    drill.breaks("change-password smartbeak", error="password authentication failed")
    drill.cure(
        "db-1",
        "psql -d postgres -c \"ALTER ROLE smartbeak PASSWORD '$(</run/secrets/smartbeak)'\"",
    )
    drill.back()

    drill.breaks("fail-over-behind", error="503 Service temporarily unavailable")
    assert sql(sandbox, "SELECT pg_is_in_recovery()") == "t"
    drill.cure("api", "platform-service restart")
    drill.back()

    account = drill.finish()
    assert figures(account) == {"rows": (0, 0), "content": (0, 0)}
    assert (account.held, account.split_brain) == (True, False)


def test_queues_and_targets_and_jobs_that_are_lost_and_doubled(publishing: LocalSandbox) -> None:
    drill = Drill(publishing, "publishing")
    late = "acknowledged more than 2.5 s ago and not published"

    drill.breaks("pause-queue publishing", error=late)
    drill.cure("ops", BULLMQ.format("resume()"))
    drill.back()

    # The post under way arrives, and is not sent again.
    drill.breaks("kill-midjob worker", error=late)
    active = drill.cure("ops", "redis-cli -h redis-1 llen bull:publishing:active")
    assert int(active) > 0
    drill.cure("worker", "platform-service start")
    drill.back()

    drill.breaks("poison-job", error=late)
    drill.cure("worker", "! timeout 2 curl -sf http://worker:9464/livez")
    sql(publishing, "UPDATE content_items SET title = 'Summer sale' WHERE title LIKE '%-----%'")
    drill.cure("worker", END_WORKER)
    drill.back()

    drill.breaks("drop-answers wordpress 2; delay wordpress-wan 1s; backlog 60", error=late)
    publishing.host("wordpress-wan").request("link", timeout_s=30, mode="open")
    drill.back()
    plugins = drill.cure("wordpress", "ls /var/lib/target/plugins/after-save.d")
    assert plugins == ""

    # Whoever failed meanwhile stays so until somebody looks after it.
    drill.breaks("break-target wordpress; until letters 1; mend-target wordpress", error=late)
    assert int(drill.cure("ops", "redis-cli -h redis-1 zcard bull:publishing:failed")) > 0
    drill.cure("ops", BULLMQ.format("retryJobs({ state: 'failed' })"))
    drill.back()

    accepted = "/var/lib/target/accepted.jsonl"
    lines = drill.cure("wordpress", f"cat {accepted}").splitlines()
    jobs: list[Any] = [json.loads(line)["key"] for line in lines]
    assert len(jobs) == len(set(jobs)) > 60
    # The first is forgotten by the target, the second is there twice.
    drill.cure("wordpress", f"sed --in-place --expression 1d --expression 2p {accepted}")
    account = drill.finish()
    assert figures(account) == {"content": (0, 0), "publishing": (1, 1)}
    assert account.lost_s == pytest.approx(1.0)


def test_a_secret_that_differs_events_overtaken_and_a_web_host_that_is_gone(
    local_backend: LocalBackend,
) -> None:
    sandbox = local_backend.open(("ops", "app", "db-1", "redis-1", "web"), label="test")
    try:
        drill = Drill(sandbox, "entitled")
        for provider, status in (("stripe", "400"), ("paddle", "401")):
            drill.breaks(f"wrong-secret {provider}", error=f"webhooks/{provider}: {status}")
            stray = f"/var/lib/smartbeak/secrets/{provider}-webhook"
            drill.cure("web", f"! cmp {stray} /run/secrets/{provider}-webhook && rm {stray}")
            drill.cure("web", "platform-service restart")
            drill.back()

        drill.breaks("stale-events", error="3 of 3 payers have no active subscription")
        sql(sandbox, "UPDATE subscriptions SET status = 'active' WHERE status = 'past_due'")
        drill.back()

        drill.breaks("kill redis-1; renewals", error="503")
        drill.cure("redis-1", START_REDIS)
        drill.back()

        drill.breaks("kill web", error="Connection refused")
        drill.cure("web", "platform-service start")
        drill.back()

        # What was refused meanwhile was sent again; the first of all is taken away.
        sql(sandbox, "DELETE FROM subscriptions WHERE id LIKE 'sub\\_drill\\_%\\_1'")
        assert figures(drill.finish()) == {"webhooks": (1, 0)}
    finally:
        sandbox.close()
