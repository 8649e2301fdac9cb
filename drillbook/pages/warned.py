"""Keeps what Sphinx warns about while it reads a page: the page lost content.

An unknown directive, role or substitution shows nothing, and the next builder reuses
the doctree and says nothing either. So a warning stays with its page until the page is
read again without it, and a page that has one is read again each time.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.logging import NAMESPACE, WarningSuppressor, get_node_location

from drillbook.errors import PageError, Where

KEY = "warnings"
"""Where the warnings stand in the domain's data, by docname: path, line, message."""

_PLACE = re.compile(r"(?P<path>.+?)(?::(?:docstring of [^:]*:)?(?P<line>\d*))?$")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


_Entry = tuple[str, int, str]


class _Listener(logging.Handler):
    """Hears what is logged while pages are read."""

    def __init__(self, app: Sphinx) -> None:
        super().__init__(logging.WARNING)
        self.addFilter(WarningSuppressor(app))
        self.app = app
        self.heard: list[tuple[str, _Entry]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Takes a warning down, with the page that was being read."""
        # What drillbook itself warns about is kept as an error of its own.
        if getattr(record, "type", None) != "drillbook":
            path, line = self._place(getattr(record, "location", None))
            docname = self.app.env.current_document.docname if self.app.env else ""
            message = _COLOUR.sub("", record.getMessage()).strip()
            self.heard.append((docname, (path, line, message)))

    def _place(self, location: Any) -> tuple[str, int]:
        if isinstance(location, tuple):
            docname, line = location
            return (str(self.app.env.doc2path(docname)) if docname else "", line or 0)
        if isinstance(location, nodes.Node):
            location = get_node_location(location)
        found = _PLACE.match(location or "")
        if found is None:
            return "", 0
        path = found["path"]
        if path in self.app.env.found_docs:
            path = str(self.app.env.doc2path(path))
        return path, int(found["line"] or 0)


def listen(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Begins to listen, on `env-before-read-docs`."""
    stop(app)
    logging.getLogger(NAMESPACE).addHandler(_Listener(app))


def keep(app: Sphinx, env: BuildEnvironment) -> None:
    """Files what was heard with the pages it is about, on `env-updated`."""
    for docname, (path, line, message) in stop(app):
        page = _page_of(env, path) or docname or _includer_of(env, path)
        if page:
            kept = _known(env).setdefault(page, [])
            entry = (path or str(env.doc2path(page)), line, message)
            if entry not in kept:
                kept.append(entry)


def stop(app: Sphinx) -> list[tuple[str, _Entry]]:
    """Ends listening, and returns what was heard."""
    logger = logging.getLogger(NAMESPACE)
    heard: list[tuple[str, _Entry]] = []
    for handler in logger.handlers[:]:
        if isinstance(handler, _Listener):
            logger.removeHandler(handler)
            heard += handler.heard
    return heard


def again(env: BuildEnvironment) -> list[str]:
    """Pages with warnings: whatever caused one may have been mended elsewhere."""
    return sorted(name for name in _known(env) if name in env.found_docs)


def errors(env: BuildEnvironment, root: Path) -> Iterator[PageError]:
    """The warnings as errors of their pages."""
    for _, entries in sorted(_known(env).items()):
        for path, line, message in entries:
            yield PageError(
                "sphinx-warning",
                f"{message}{'' if message.endswith('.') else '.'}",
                where=Where(Path(os.path.relpath(path, root)).as_posix(), line),
                hint="Mend it: what Sphinx does not understand is left out of the page.",
            )


def _known(env: BuildEnvironment) -> dict[str, list[_Entry]]:
    data = env.get_domain("drillbook").data
    return cast("dict[str, list[_Entry]]", data[KEY])


def _page_of(env: BuildEnvironment, path: str) -> str:
    docname = env.path2doc(path) if path else None
    return docname if docname in env.found_docs else ""


def _includer_of(env: BuildEnvironment, path: str) -> str:
    for docname, names in sorted(env.dependencies.items()):
        if path and any(os.path.normpath(env.srcdir / name) == path for name in names):
            return docname
    return next(iter(sorted(env.found_docs)), "")
