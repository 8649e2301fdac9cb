"""Faults of publish targets."""

from __future__ import annotations

from drillbook.drills.hosts import run
from drillbook.durations import duration
from drillbook.sandboxes.sandbox import Sandbox

STORE = "/var/lib/target/accepted.jsonl"
PLUGINS = "/var/lib/target/plugins/after-save.d"

# Its parent is the process of the request: the post is saved, the answer never comes.
# The count is kept beside the folder, since whatever is in it is run.
_DROP = """#!/usr/bin/env bash
set -euo pipefail
exec 9<>{left}
flock 9
left=$(<{left})
if ((left == 1)); then rm "$0"; fi
echo "$((left - 1))" >{left}
kill -KILL "$PPID"
"""
_FOR_EVER = "0"

PASSWORDS = "/var/lib/target/passwords"
RATE = "/var/lib/target/rate"


def break_store(sandbox: Sandbox, host: str) -> None:
    """Takes the right to write its store from the target, as a full or lost database does."""
    run(sandbox, host, "bash", "-euc", f"touch {STORE} && chmod a-w {STORE}")


def mend_store(sandbox: Sandbox, host: str) -> None:
    """Gives it back."""
    run(sandbox, host, "chmod", "u+w", STORE)


def drop_answers(sandbox: Sandbox, host: str, count: str = _FOR_EVER) -> None:
    """Installs a plugin that ends the process of the request after the post is saved."""
    left = "/var/lib/target/drop-answers.left"
    script = f"mkdir --parents {PLUGINS} && echo {count} >{left} && cat >{PLUGINS}/analytics.new"
    run(sandbox, host, "bash", "-euc", script, given=_DROP.format(left=left))
    run(
        sandbox, host, "bash", "-euc",
        f"chmod +x {PLUGINS}/analytics.new && mv {PLUGINS}/analytics.new {PLUGINS}/analytics",
    )  # fmt: skip


def change_site_password(sandbox: Sandbox, site: str) -> None:
    """Gives one site another application password than its owner entered with us."""
    script = f"mkdir --parents {PASSWORDS} && head --bytes 18 /dev/urandom | base64"
    run(sandbox, "wordpress", "bash", "-euc", f"{script} >{PASSWORDS}/{site}")


def lower_quota(sandbox: Sandbox, count: str, time: str) -> None:
    """Has LinkedIn take so many posts in that time, as after a vendor changed its plans."""
    run(sandbox, "linkedin", "tee", RATE, given=f"{count} {max(1, round(duration(time)))}\n")
