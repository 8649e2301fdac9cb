"""Links from each page to where it is kept: to change the page, and to all of the book.

The repository is the one that the checkout was cloned from. A checkout of nowhere has no
such links, and neither has an edit link where it is not known how its host spells one.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config
    from sphinx.util.typing import ExtensionMetadata

_REMOTE = re.compile(
    r"(?:(?:https?|ssh|git)://(?:[^@/]+@)?|[^@/:]+@)(?P<host>[\w.-]+)(?::\d+(?=/))?[:/]"
    r"(?P<path>[\w.~/-]+?)(?:\.git)?/?"
)
"""What git calls a remote; who signs in, and with what, is not shown."""

_EDITED_AT = frozenset({"github.com", "gitlab.com", "bitbucket.org"})
"""Hosts whose edit links the theme knows how to spell."""

_BRANCH = "main"
"""Of a checkout that does not say which branch its remote has in front."""


def address(remote: str) -> str:
    """Where a reader finds a remote; empty where it is none of the web's.

    Args:
        remote: As `git remote get-url` says it.
    """
    found = _REMOTE.fullmatch(remote)
    return f"https://{found['host']}/{found['path']}" if found else ""


def link(app: Sphinx, config: Config) -> None:
    """Tells the theme where the pages are kept, on `config-inited`."""
    root = Path(app.confdir)
    repository = address(_git(root, "remote", "get-url", "origin"))
    if not repository or config.html_theme != "furo":
        return
    options = dict(config.html_theme_options)
    options["footer_icons"] = [
        {"name": "Repository of these pages", "url": repository, "html": "Repository", "class": ""}
    ]
    if repository.split("/")[2] in _EDITED_AT:
        front = _git(root, "symbolic-ref", "--short", "refs/remotes/origin/HEAD")
        options["source_repository"] = repository
        options["source_branch"] = front.partition("/")[2] or _BRANCH
    config["html_theme_options"] = options


def _git(root: Path, *arguments: str) -> str:
    """What git says; nothing where it is not there or does not know."""
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers what finds the repository."""
    app.connect("config-inited", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
