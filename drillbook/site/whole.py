"""Each runbook on one page: the hub and the branches one after the other, to print or to search.

The page is put together from the built pages, marks included, so that it says what they say.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from docutils import nodes
from markupsafe import Markup, escape

from drillbook.site import offered
from drillbook.site.symptoms import is_printed_alone, is_runbook

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment
    from sphinx.util.typing import ExtensionMetadata

NAME = "whole"
"""Name of the page, in the folder of the runbook's branches."""

_ARTICLE = re.compile(r'<article role="main"[^>]*>(.*)</article>', re.DOTALL)
_DRAWING = re.compile(r"(<svg\b.*?</svg>)", re.DOTALL)
_NAMES = re.compile(r'(?<= )(id|for|name|aria-labelledby|aria-describedby|aria-controls)="([^"]+)"')
_ADDRESSES = re.compile(r'(?<= )((?:xlink:)?href|src)="([^"]+)"')


def compose(hub: str, bodies: Mapping[str, str]) -> str:
    """The content of the whole runbook's page.

    Args:
        hub: Docname of the hub.
        bodies: HTML of the content of the hub and its branches by docname, in reading order.

    Returns:
        Their content, each under an anchor of its own; links between them stay on the page.
    """
    here = f"{hub}/{NAME}"
    return "\n".join(
        f'<div id="{_part(docname)}">\n{_moved(body, docname, here, bodies)}\n</div>'
        for docname, body in bodies.items()
    )


def _part(docname: str) -> str:
    return docname.rpartition("/")[2]


def _moved(body: str, docname: str, here: str, parts: Mapping[str, str]) -> str:
    """A page's content with the names and addresses it has on the page `here`."""

    def named(found: re.Match[str]) -> str:
        names = " ".join(f"{_part(docname)}--{name}" for name in found[2].split())
        return f'{found[1]}="{names}"'

    def addressed(found: re.Match[str]) -> str:
        return f'{found[1]}="{_address(found[2], docname, here, parts)}"'

    pieces = _DRAWING.split(body)
    for number, piece in enumerate(pieces):
        # What a drawing names is its own, and other drawings have other names.
        is_drawing = number % 2
        text = piece if is_drawing else _NAMES.sub(named, piece)
        pieces[number] = _ADDRESSES.sub(
            lambda found, within=is_drawing: (
                found[0] if within and found[2].startswith("#") else addressed(found)
            ),
            text,
        )
    return "".join(pieces)


def _address(address: str, docname: str, here: str, parts: Mapping[str, str]) -> str:
    split = urlsplit(address)
    if split.scheme or split.netloc:
        return address
    target = docname
    if split.path:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(docname), split.path))
        target = path.removesuffix(".html")
        if target not in parts:
            rest = f"#{split.fragment}" if split.fragment else ""
            return posixpath.relpath(path, posixpath.dirname(here)) + rest
    return f"#{_part(target)}--{split.fragment}" if split.fragment else f"#{_part(target)}"


def runbooks(env: BuildEnvironment) -> dict[str, list[str]]:
    """The pages of each runbook that has branches, the hub first, by the hub's docname."""
    return {
        hub: [hub, *below]
        for hub, below in sorted(env.toctree_includes.items())
        if is_runbook(hub) and any(each.startswith(f"{hub}/") for each in below)
    }


def _pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    if app.builder.name != "html":
        return
    for hub, docnames in runbooks(app.env).items():
        bodies = {docname: _body(app, docname) for docname in docnames}
        title = app.env.titles[hub].astext()
        yield (
            f"{hub}/{NAME}",
            {
                "title": escape(f"{title}: the whole runbook"),
                "body": compose(hub, bodies),
                "toc": _contents(app.env, docnames),
                "display_toc": True,
            },
            "page.html",
        )


def _body(app: Sphinx, docname: str) -> str:
    written = Path(app.outdir, app.builder.get_target_uri(docname)).read_text(encoding="utf-8")
    found = _ARTICLE.search(written)
    assert found, f"the theme marks the content of {docname} in another way than it did"
    return found[1].strip()


def _contents(env: BuildEnvironment, docnames: list[str]) -> Markup:
    items = (
        Markup('<li><a class="reference internal" href="#{}">{}</a></li>').format(
            _part(docname), env.titles[docname].astext()
        )
        for docname in docnames
    )
    # The theme shows what stands under the page's own name.
    return Markup(
        '<ul><li><a class="reference internal" href="#">{}</a><ul>{}</ul></li></ul>'
    ).format(env.titles[docnames[0]].astext(), Markup("").join(items))


def _link(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """A line at the end of the hub that leads to the whole runbook."""
    section = doctree.next_node(nodes.section)
    if app.builder.name != "html" or section is None:
        return
    if docname not in runbooks(app.env):
        # The start page offers the whole book; a runbook without branches offers itself.
        if docname == app.config.root_doc or is_printed_alone(docname, app.env.found_docs):
            section += nodes.paragraph("", "", nodes.raw("", offered.PLACE, format="html"))
        return
    address = f"{_part(docname)}/{NAME}.html"
    said = nodes.paragraph("", "To print, or to search in: ")
    said += nodes.reference("", "the whole runbook on one page", refuri=address, internal=True)
    said += nodes.Text(".")
    said += nodes.raw("", offered.PLACE, format="html")
    section += said


def _show_contents(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """The theme hides the contents of what is no page of the sources."""
    if pagename.endswith(f"/{NAME}") and doctree is None:
        context["furo_hide_toc"] = False


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers what writes the pages and leads to them."""
    app.connect("doctree-resolved", _link, priority=950)
    app.connect("html-collect-pages", _pages)
    app.connect("html-page-context", _show_contents, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
