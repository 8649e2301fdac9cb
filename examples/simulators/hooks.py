"""A simulator's plugins: programs run when something is saved but not answered yet."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from simulators.store import Record


def failed(folder: Path, record: Record) -> str:
    """Runs the plugins in the order of their names, until one fails.

    Args:
        folder: Where they are; none without it.
        record: The post that was saved.

    Returns:
        What failed and how; empty if nothing did.
    """
    about = {"POST_ID": record.id, "POST_KEY": record.key, "POST_SITE": record.site}
    for plugin in sorted(folder.glob("*")):
        if not os.access(plugin, os.X_OK) or plugin.is_dir():
            continue
        try:
            status = subprocess.run(
                [str(plugin)], env={**os.environ, **about}, stdin=subprocess.DEVNULL, check=False
            ).returncode
        except OSError as error:
            return f"{plugin.name}: {error.strerror}"
        if status:
            return f"{plugin.name}: status {status}"
    return ""
