"""Which pages Sphinx must read again, told by what is in the files and not by their dates.

Sphinx reads a page again when its date is later than the last reading. A file that was
put back with its old date (a copy, an archive, a synchronized folder) would pass for the
one that was read, and what is planned would not be what stands on the page.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from functools import cache
from pathlib import Path
from typing import cast

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from drillbook import digests
from drillbook.pages import warned

KEY = "sources"
"""Where the digests stand in the domain's data, by docname."""


def note(env: BuildEnvironment, docname: str) -> None:
    """Keeps of what a page is being read."""
    _known(env)[docname] = _digest(env, docname)


def changed(
    _app: Sphinx, env: BuildEnvironment, added: Set[str], outdated: Set[str], removed: Set[str]
) -> list[str]:
    """Pages that are not what was read, on `env-get-outdated`."""
    others = env.found_docs - added - outdated - removed
    of_file = cache(digests.of_file)  # some pages are made from all the others
    fresh = {name for name in others if _known(env).get(name) != _digest(env, name, of_file)}
    return sorted(fresh | (others & set(warned.again(env))))


def _known(env: BuildEnvironment) -> dict[str, str]:
    return cast("dict[str, str]", env.get_domain("drillbook").data[KEY])


def _digest(
    env: BuildEnvironment, docname: str, of_file: Callable[[Path], str] = digests.of_file
) -> str:
    """Digest of a page's file and of every file it includes."""
    included = sorted(str(name) for name in env.dependencies.get(docname, ()))
    paths = [Path(env.doc2path(docname)), *(Path(env.srcdir, name) for name in included)]
    return digests.of_files({str(path): of_file(path) for path in paths})
