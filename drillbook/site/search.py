"""What the site's search looks through: sections, and the rows that lead from an error to a page.

The texts are taken as pages are read and written as a script, because a browser loads a
script from a folder on a disk and refuses to fetch a file there. `source/_static/search.js`
ranks them: first the rows of tables that lead from a text to another page, then sections
that hold the very words, then MiniSearch's word search.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx import addnodes
from sphinx.environment.collectors import EnvironmentCollector

from drillbook import consistency, plan
from drillbook.pages.blocks import DrillNode
from drillbook.site import symptoms

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment
    from sphinx.util.typing import ExtensionMetadata

SCRIPT = "_static/search-texts.js"
"""Where the texts stand in the built site."""

_TEXTS = "drillbook_search"
_SHORTEST = 3
"""Characters of a text that may lead to a page: a shorter one is no error's text."""

Page = dict[str, Any]
"""One page: `drills` (whether it has one), `sections` and `rows`, as `of` gives them."""


class Texts(EnvironmentCollector):
    """Takes each page's texts as it is read."""

    def clear_doc(self, app: Sphinx, env: BuildEnvironment, docname: str) -> None:
        """Forgets a page."""
        texts(env).pop(docname, None)

    def merge_other(
        self, app: Sphinx, env: BuildEnvironment, docnames: Any, other: BuildEnvironment
    ) -> None:
        """Takes over what another reading process found."""
        for docname in docnames:
            if docname in texts(other):
                texts(env)[docname] = texts(other)[docname]

    def process_doc(self, app: Sphinx, doctree: nodes.document) -> None:
        """Takes one page."""
        texts(app.env)[app.env.current_document.docname] = of(doctree)


def of(doctree: nodes.document) -> Page:
    """The texts of one page.

    Returns:
        `sections`: `[anchor, title, text]` of each; `rows`: `[page, anchor, title, texts]` of
        each table row with a link and something printed. `page` is empty for the row's own.
    """
    return {
        "drills": next(iter(doctree.findall(DrillNode)), None) is not None,
        "sections": [
            # The first section is the page itself.
            [section["ids"][0] if number else "", _title(section), _own_text(section)]
            for number, section in enumerate(doctree.findall(nodes.section))
        ],
        "rows": [found for row in doctree.findall(nodes.row) if (found := _row(row))],
    }


def _title(section: nodes.section) -> str:
    title = section.next_node(nodes.title)
    return title.astext() if title is not None else ""


def _own_text(section: nodes.section) -> str:
    """The section's text without its title and the sections in it, white space closed up."""
    parts = (
        " ".join(leaf.astext() for leaf in _leaves(child))
        for child in section.children
        if not isinstance(child, (nodes.section, nodes.title))
    )
    return " ".join(" ".join(parts).split())


def _leaves(node: nodes.Node) -> Iterator[nodes.Node]:
    hidden = (nodes.raw, nodes.comment, nodes.system_message)
    if isinstance(node, hidden):
        return
    if isinstance(node, (nodes.TextElement, nodes.Text)):
        yield node
        return
    for child in node.children:
        yield from _leaves(child)


def _row(row: nodes.row) -> list[Any] | None:
    link = next(iter(row.findall(_is_link)), None)
    texts = [each.astext() for each in row.findall(nodes.literal)]
    texts = [text for text in texts if len(text) >= _SHORTEST]
    if not isinstance(link, nodes.Element) or not texts:
        return None
    page, anchor = _target(link)
    return [page, anchor, link.astext(), texts]


def _is_link(node: nodes.Node) -> bool:
    return isinstance(node, addnodes.pending_xref) and node.get("reftype") in ("doc", "myst")


def _target(link: nodes.Element) -> tuple[str, str]:
    """Page and anchor that a link of a Markdown page leads to."""
    target = str(link["reftarget"])
    if link.get("refdomain") == "doc" or target.startswith("/"):
        return target.lstrip("/"), str(link.get("reftargetid") or "")
    # A link within the page names its heading alone.
    return "", target.lstrip("#")


def texts(env: BuildEnvironment) -> dict[str, Page]:
    """What is kept of each page, by docname."""
    if not hasattr(env, _TEXTS):
        setattr(env, _TEXTS, {})
    found: dict[str, Page] = getattr(env, _TEXTS)
    return found


def script(env: BuildEnvironment, address: Any, trees: Path | None = None) -> str:
    """The texts of the whole book as a script.

    Args:
        env: What was read.
        address: Gives the address of a page by its docname.
        trees: Folder of the triage tables, where the stack has them.
    """
    kept = {name: each for name, each in sorted(texts(env).items()) if name in env.titles}
    place = {name: number for number, name in enumerate(kept)}
    sections: list[list[Any]] = []
    rows: list[list[Any]] = []
    for name, page in kept.items():
        sections += [[place[name], *section] for section in page["sections"]]
        rows += [
            [place[target or name], *rest]
            for target, *rest in page["rows"]
            if (target or name) in place
        ]
    rows += [
        [place[each.docname], "", env.titles[each.docname].astext(), [each.text]]
        for each in (_symptoms(env, trees) if trees else ())
        if each.drilled
    ]
    pages = [
        [address(name), env.titles[name].astext(), int(page["drills"])]
        for name, page in kept.items()
    ]
    found = {"pages": pages, "sections": sections, "rows": rows}
    return f"window.drillbookTexts={json.dumps(found, ensure_ascii=False)};\n"


def _symptoms(env: BuildEnvironment, trees: Path) -> list[symptoms.Symptom]:
    """What drills see printed, which no table of a page need say."""
    read = env.domaindata["drillbook"]["pages"]
    return symptoms.of((plan.page_of(each["page"]) for each in read.values()), trees)


def _leave_out_index(app: Sphinx) -> None:
    """Sphinx's own index is not made: its search shows titles only in a folder on a disk."""
    if app.builder.name == "html":
        app.builder.search = False  # type: ignore[attr-defined]


def _search_page(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    if app.builder.name == "html":
        yield "search", {}, "search.html"
        # For a server to show where there is no page; it leads to the search.
        yield "404", {"html_baseurl": app.config.html_baseurl}, "404.html"


def _write(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.name == "html":
        path = Path(app.outdir, SCRIPT)
        path.parent.mkdir(exist_ok=True)
        trees = consistency.stack_of(Path(app.confdir)).triage
        text = script(app.env, app.builder.get_target_uri, Path(trees) if trees else None)
        path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers what collects and writes the texts."""
    app.add_env_collector(Texts)
    app.connect("builder-inited", _leave_out_index)
    app.connect("html-collect-pages", _search_page)
    app.connect("build-finished", _write)
    return {
        "version": "1",
        "env_version": 1,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
