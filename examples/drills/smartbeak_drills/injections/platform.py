"""Faults of the platform's own processes and of what they keep."""

from __future__ import annotations

from drillbook.drills.hosts import InjectionFailed, ask, run, signal, spawn
from drillbook.durations import duration
from drillbook.sandboxes.sandbox import Sandbox
from smartbeak_drills.agreed import WATCHED
from smartbeak_drills.injections import client, migrations
from smartbeak_drills.places import (
    API,
    APP,
    CONFIG,
    CPU_LIMIT,
    OPERATOR,
    OVERRIDES,
    OWN_RELEASES,
    WEB,
)

# As the release would write an entry: a headline and blocks, nothing called title or body.
_RESHAPE = r"""
redis=$(sed --quiet 's/^REDIS_URL=//p' /etc/smartbeak/platform.env)
redis-cli -e -u "$redis" GET "$1" |
  jq --compact-output --join-output '.item |= (. + {headline: .title, blocks: [.body]}
    | del(.title, .body))' |
  redis-cli -e -u "$redis" -x SETEX "$1" 300
"""


_KEY = """
umask 077
mkdir --parents "$1"
head --bytes 48 /dev/urandom | base64 --wrap 0 >"$1/jwt-key-1"
"""


PORTS = {API: 3001, WEB: 3000}
"""Where a process of the platform listens, by its host."""

_LIMIT = "/opt/smartbeak/drills/smartbeak_drills/cpu_limit.py"


def deploy_setting(sandbox: Sandbox, setting: str) -> None:
    """Deploys a setting as a release does, and restarts the API, which may not come up."""
    name, _, value = setting.partition("=")
    run(sandbox, APP, "sed", "--in-place", f"s/^{name}=.*/{name}={value}/", CONFIG)
    run(sandbox, APP, "grep", "--line-regexp", "--fixed-strings", setting, CONFIG)
    ask(sandbox, API, "platform-service", "restart")


def deploy_release(sandbox: Sandbox, tag: str) -> None:
    """Runs another release on the API's host; who operates has its checkout, unmigrated."""
    run(sandbox, APP, "sed", "--in-place", f"$ a SMARTBEAK_RELEASE={tag}", CONFIG)
    migrations.check_out(sandbox, f"{OWN_RELEASES}/{tag}")
    run(sandbox, API, "platform-service", "restart")


def wrong_key(sandbox: Sandbox) -> None:
    """Puts another key for signing on the API's host, and restarts it where it runs."""
    run(sandbox, API, "bash", "-euc", _KEY, "bash", OVERRIDES)
    ask(sandbox, API, "platform-service", "restart")


def stale_cache(sandbox: Sandbox) -> None:
    """Changes rows behind the cache, which goes on answering with the old text."""
    client.start(sandbox, "read", "errands", "read", *WATCHED, what="the pieces could not be read")
    changed = ", ".join(f"'{piece}'" for piece in WATCHED)
    run(
        sandbox, OPERATOR, "psql", "--no-psqlrc", "--quiet", "--host=db-1",
        "--username=smartbeak", "--dbname=smartbeak", "--set=ON_ERROR_STOP=1",
        "--command=UPDATE content_items SET title = title || ' (corrected)', updated_at = now() "
        f"WHERE id IN ({changed})",
    )  # fmt: skip


def cache_new_shape(sandbox: Sandbox) -> None:
    """Caches pieces in the shape of another release, which this one hands out as they are."""
    client.start(sandbox, "read", "errands", "read", *WATCHED, what="the pieces could not be read")
    for piece in WATCHED:
        run(sandbox, OPERATOR, "bash", "-euc", _RESHAPE, "bash", f"cache:content:{piece}")


def throttle(sandbox: Sandbox, host: str, stop: str) -> None:
    """Has a limit of the CPU stop every process of a host's service again and again."""
    service = sandbox.services.get(host)
    if service is None or not service.pidfile:
        raise InjectionFailed(f"{host} has no service to throttle")
    argv = ["python3", _LIMIT, "--pidfile", service.pidfile, "--stop", f"{duration(stop):g}"]
    spawn(sandbox, host, CPU_LIMIT, [*argv, "--name", CPU_LIMIT], what="nothing was stopped")


def take_port(sandbox: Sandbox, role: str) -> None:
    """Kills the platform's process, and has somebody's web server listen at its port."""
    if role not in PORTS:
        raise InjectionFailed(f"{role} serves nobody at a port")
    signal(sandbox, role, "KILL")
    argv = ["python3", "-u", "-m", "http.server", str(PORTS[role]), "--bind", role]
    spawn(sandbox, role, "http-server", [*argv, "--directory", "/run/tls"], what="it did not start")
