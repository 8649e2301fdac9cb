"""Offers the printed files on the built site: they are made after it, from the same sources.

A link is written only once its file stands in the site's folder, into a place that the page keeps
for it. A site that is built anew has neither, until it is printed again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from markupsafe import Markup

from drillbook import files
from drillbook.errors import HarnessError

PLACE = "<!-- printed --><!-- /printed -->"
"""Where a page has its link, as HTML; nothing to see while there is none."""

FOLDER = "_pdf"
"""Of the site, for the printed files."""

_PLACE = re.compile("<!-- printed -->.*?<!-- /printed -->", re.DOTALL)
_LINK = Markup(' <a href="{}">As a PDF, to keep or to print</a> ({} kB).')


def offer(site: Path, printed: Iterable[tuple[str, Path]]) -> list[str]:
    """Copies printed files into the built site, and links to each from its page.

    Args:
        site: Folder of the built site; nothing is done where there is none.
        printed: Each page's docname with its file; empty for the whole book, which the start
            page offers.

    Returns:
        The pages that lead to their file now.

    Raises:
        HarnessError: `no-place` when a page keeps none for the link.
    """
    if not (site / "index.html").is_file():
        return []
    told = []
    for docname, source in printed:
        page = site / f"{docname or 'index'}.html"
        if not page.is_file():
            continue  # a page that is newer than the site
        text = page.read_text(encoding="utf-8")
        place = _PLACE.search(text)
        if place is None:
            raise HarnessError(
                "no-place",
                f"{page.name} keeps no place for the link to its PDF.",
                hint="Build the site again: nox -s docs",
            )
        name = f"{FOLDER}/{docname or 'book'}.pdf"
        data = source.read_bytes()
        files.replace(site / name, data)
        link = _LINK.format("../" * docname.count("/") + name, -(-len(data) // 1000))
        kept = f"<!-- printed -->{link}<!-- /printed -->"
        files.replace(page, text[: place.start()] + kept + text[place.end() :])
        told.append(page.relative_to(site).as_posix())
    return told
