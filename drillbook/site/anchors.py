"""Addresses that stay: a list of those that were published, and where those lead that are gone.

`source/anchors.txt` lists pages and the anchors of their sections and drills, one a line:
`runbooks/redis-recovery` and `runbooks/redis-recovery#how-bad`. `nox -s anchors` adds to it
what the last build has; nothing takes a line away. An address on the list that no page has
needs a line in `source/moved.yaml`, `old: new`, else the build says so. The old address of a
page then shows where it went; so does the old anchor, on the page where it stood.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from docutils import nodes
from sphinx.util import logging
from sphinx.util.osutil import relative_uri

from drillbook import files, plan
from drillbook.errors import DrillbookError, HarnessError, PageError, Where
from drillbook.site import templates

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment
    from sphinx.util.typing import ExtensionMetadata

logger = logging.getLogger(__name__)
_HTML = templates.macros("anchors")

PUBLISHED = "anchors.txt"
"""The list, in the folder of the pages."""

MOVED = "moved.yaml"
"""Where those lead that are gone, beside it."""

FOUND = "anchors.txt"
"""What the last build has, in the build folder."""

_KEPT = "drillbook_anchors"

_NUMBER = re.compile(r"id\d+")
"""What docutils gives where a heading's words are taken: another section has it as soon as one
is added above."""


def published(source: Path) -> list[str]:
    """The addresses on the list; none without the file."""
    try:
        text = (source / PUBLISHED).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@lru_cache(maxsize=1)
def _parsed(text: str) -> Any:
    """What the file says: each page asks for it."""
    return yaml.safe_load(text)


def moved(source: Path) -> dict[str, str]:
    """New address by old one; none without the file.

    Raises:
        PageError: `moved` when the file does not say `old: new`.
    """
    try:
        found = _parsed((source / MOVED).read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        return {}
    except yaml.YAMLError as error:
        raise _wrong(f"this is no YAML: {error}") from error
    if not isinstance(found, dict) or not all(
        isinstance(part, str) for pair in found.items() for part in pair
    ):
        raise _wrong("each line says `old: new`, two addresses as in anchors.txt.")
    return found


def errors(there: Set[str], listed: Iterable[str], gone: Mapping[str, str]) -> Iterator[PageError]:
    """What is wrong with list and moves.

    Args:
        there: The addresses of this build.
        listed: Those that were published.
        gone: New address by old one.
    """
    for address in listed:
        if address not in there and address not in gone:
            yield PageError(
                "anchor-gone",
                f"`{address}` was published and no page has it.",
                where=Where(f"source/{PUBLISHED}"),
                hint=f"Give it back, or say in source/{MOVED} where readers find it now: "
                f"`{address}: new-address`.",
            )
    for old, new in gone.items():
        if old in there:
            yield _wrong(f"`{old}` is there, so it has not moved.")
        if new not in there:
            yield _wrong(f"`{old}` has moved to `{new}`, which no page has.")


def _wrong(message: str) -> PageError:
    return PageError("moved", message, where=Where(f"source/{MOVED}"))


def _note(app: Sphinx, doctree: nodes.document) -> None:
    """Takes a page's anchors, those of its headings' own words first, on `doctree-read`."""
    found = []
    for number, section in enumerate(doctree.findall(nodes.section)):
        slug = str(section.get("slug", ""))
        if _NUMBER.fullmatch(section["ids"][0]) and slug in section["ids"]:
            section["ids"].remove(slug)
            section["ids"].insert(0, slug)
        if number and not _NUMBER.fullmatch(section["ids"][0]):
            found.append(section["ids"][0])
    _kept(app.env)[app.env.current_document.docname] = found


def _kept(env: BuildEnvironment) -> dict[str, list[str]]:
    if not hasattr(env, _KEPT):
        setattr(env, _KEPT, {})
    found: dict[str, list[str]] = getattr(env, _KEPT)
    return found


def _forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    _kept(env).pop(docname, None)


def _merge(app: Sphinx, env: BuildEnvironment, docnames: Set[str], other: BuildEnvironment) -> None:
    for docname in docnames:
        if docname in _kept(other):
            _kept(env)[docname] = _kept(other)[docname]


def addresses(env: BuildEnvironment) -> set[str]:
    """Every page, and the anchors of its sections and drills."""
    found = set(env.found_docs)
    for docname, anchors in _kept(env).items():
        found |= {f"{docname}#{anchor}" for anchor in anchors}
    for data in env.domains["drillbook"].data["pages"].values():
        for scenario in plan.page_of(data["page"]).scenarios:
            if scenario.drill:
                found.add(scenario.id.replace("#", "#drill-"))
    return found


def _check(app: Sphinx, env: BuildEnvironment) -> None:
    """Says what is wrong, on `env-updated`; notes what the build has."""
    there = addresses(env)
    try:
        wrong = list(errors(there, published(Path(app.srcdir)), moved(Path(app.srcdir))))
    except PageError as error:
        wrong = [error]
    for each in wrong:
        logger.warning("%s", each, type="drillbook", subtype=each.code)
    build = Path(app.confdir, app.config.drillbook_build)
    files.replace(build / FOUND, "".join(f"{each}\n" for each in sorted(there)))


def _moves(app: Sphinx) -> dict[str, str]:
    try:
        return moved(Path(app.srcdir))
    except PageError:  # already said
        return {}


def _leave_signs(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Puts the anchors that are gone on the page where they stood, on `doctree-resolved`."""
    if app.builder.name != "html":
        return
    for old, new in _moves(app).items():
        page, _, anchor = old.partition("#")
        if page == docname and anchor:
            address = relative_uri(app.builder.get_target_uri(docname), _address(app, new))
            text = str(_HTML.moved(anchor, address, _title(app, new)))
            first = doctree.next_node(nodes.section)
            if first is not None:
                first.append(nodes.raw("", text, format="html"))


def _address(app: Sphinx, new: str) -> str:
    page, _, anchor = new.partition("#")
    return app.builder.get_target_uri(page) + (f"#{anchor}" if anchor else "")


def _title(app: Sphinx, new: str) -> str:
    title = app.env.titles.get(new.partition("#")[0])
    return title.astext() if title is not None else new


def _pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """A page at the old address of each that has moved."""
    if app.builder.name != "html":
        return
    for old, new in _moves(app).items():
        if "#" not in old:
            address = relative_uri(app.builder.get_target_uri(old), _address(app, new))
            yield old, {"moved_to": address, "moved_title": _title(app, new)}, "moved.html"


def main(arguments: Sequence[str] | None = None) -> int:
    """Adds to the list what the last build has."""
    parser = argparse.ArgumentParser(
        prog="python -m drillbook.site.anchors", description=main.__doc__
    )
    parser.add_argument("--source", type=Path, default=Path("source"))
    parser.add_argument("--build", type=Path, default=Path("build"))
    chosen = parser.parse_args(arguments)
    try:
        found = chosen.build / FOUND
        if not found.is_file():
            raise HarnessError("no-anchors", f"{found} is not there", hint="nox -s docs")
        before = set(published(chosen.source))
        now = before | set(found.read_text(encoding="utf-8").splitlines())
    except DrillbookError as error:
        print(error, file=sys.stderr)
        return 3
    head = "# Addresses that readers may have kept: `nox -s anchors` adds, nothing takes away.\n"
    text = head + "".join(f"{each}\n" for each in sorted(now))
    files.replace(chosen.source / PUBLISHED, text)
    print(f"{PUBLISHED}: {len(now)} addresses, {len(now - before)} of them new")
    return 0


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers what takes the anchors, checks them and leaves signs."""
    # Before Sphinx takes the anchors for its contents.
    app.connect("doctree-read", _note, priority=400)
    app.connect("env-purge-doc", _forget)
    app.connect("env-merge-info", _merge)
    app.connect("env-updated", _check)
    app.connect("doctree-resolved", _leave_signs, priority=950)
    app.connect("html-collect-pages", _pages)
    return {
        "version": "1",
        "env_version": 1,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }


if __name__ == "__main__":
    sys.exit(main())
