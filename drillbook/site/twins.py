"""A Markdown twin beside each page, and `llms.txt`, for programs that read the book.

A twin is made from the page as a browser shows it, with what a script would add said in
words: until which day a mark holds. So what was verified, failed or is stale is read there
too. `llms.txt` lists the twins (https://llmstxt.org).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bs4 import BeautifulSoup, Tag
from markdownify import MarkdownConverter
from sphinx import addnodes

from drillbook import clock, files
from drillbook.site import paper, search
from drillbook.site.wording import day

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment
    from sphinx.util.typing import ExtensionMetadata

LIST = "llms.txt"
"""The list of the twins, in the site's folder."""

_LONGEST = 200
"""Characters of what is said of a page in the list."""


_DRAWING = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
_COLOUR = re.compile(r'<span class="\w{1,3}">([^<]*)</span>')
"""Highlighting. Like drawings it goes before the page is parsed, of which it is the most."""


class _Converter(MarkdownConverter):
    """Markdown with fenced blocks that name their language."""

    def convert_pre(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """A block with the language that the page highlights it in."""
        if not text:
            return ""
        if {"td", "th"} & set(parent_tags):
            return str(text).strip()
        fence = "```"
        while fence in text:
            fence += "`"
        return f"\n\n{fence}{_language(el)}\n{text.strip(chr(10))}\n{fence}\n\n"


def _language(pre: Tag) -> str:
    for parent in pre.parents:
        for name in parent.get("class") or ():
            if name.startswith("highlight-"):
                language = name.removeprefix("highlight-")
                return "" if language in ("default", "none") else str(language)
    return ""


def of(body: str) -> str:
    """The Markdown of a page's content.

    Args:
        body: Its HTML, with marks.
    """
    soup = BeautifulSoup(_COLOUR.sub(r"\1", _DRAWING.sub("", body)), "html.parser")
    for tag in soup.find_all(True):
        _reword(soup, tag)
    paper.flatten(soup, soup)
    for link in soup.find_all("a"):
        page, sharp, anchor = str(link.get("href", "")).partition("#")
        if page.endswith(".html") and "://" not in page and "evidence/" not in page:
            link["href"] = f"{page.removesuffix('.html')}.md{sharp}{anchor}"
    text = _Converter(
        heading_style="ATX", bullets="-", escape_underscores=False, escape_asterisks=False
    ).convert_soup(soup)
    return "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n"


def _reword(soup: BeautifulSoup, tag: Tag) -> None:
    """Says in words what one element shows to the eye.

    One look at each element: a CSS selector for each case took a tenth of a build's time.
    """
    classes = set(tag.get_attribute_list("class"))
    if "db-sep" in classes:
        tag.replace_with(", ")  # a separator for the eye; here a comma does
    elif tag.has_attr("hidden") or "db-done" in classes or "headerlink" in classes:
        tag.extract()
    elif "dg" in classes:
        said = soup.new_tag("p")
        said.string = f"[Diagram: {tag.get('aria-label', '')}]"
        tag.replace_with(said)
    elif tag.name == "small":
        tag.insert(0, " (")
        tag.append(")")
    elif tag.name == "span" and tag.parent and "db-head" in (tag.parent.get("class") or ()):
        before = tag.find_previous_sibling(True)
        if before is not None and before.name == "span":
            tag.insert_before("; ")
    if tag.has_attr("data-until"):
        _say_until(tag)


def _say_until(mark: Tag) -> None:
    """Says until when a mark holds; on the page a script does when that day is over."""
    word = mark.select_one(".db-state")
    if word is not None:
        word.append(f" (until {day(str(mark['data-until']))}, then stale)")


def _write_twin(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Writes a page's twin when the page is written, on `html-page-context`."""
    if app.builder.name != "html" or doctree is None:
        return
    address = app.builder.get_target_uri(pagename)
    head = (
        f"<!-- Made from {address} on {day(clock.today().isoformat())}. A command counts as tested"
        " only where the word under it is verified, and not after the day that stands there. -->"
    )
    target = Path(app.outdir, f"{pagename}.md")
    files.replace(target, f"{head}\n\n{of(context['body'])}")
    twin = target.name
    context["metatags"] = (
        context.get("metatags", "")
        + f'\n<link rel="alternate" type="text/markdown" href="{twin}" title="Markdown">'
    )


def _write_list(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.name == "html":
        files.replace(Path(app.outdir, LIST), listing(app.env))


def listing(env: BuildEnvironment) -> str:
    """What `llms.txt` says: each page of the book, by its part, in a sentence."""
    root = str(env.config.root_doc)
    lines = [f"# {env.config.project}", "", f"> {_said(env, root)}", ""]
    lines += [
        "A command counts as tested only where the word under it is verified, and not after the "
        "day that stands with it.",
    ]
    seen = {root}
    for toctree in env.get_doctree(root).findall(addnodes.toctree):
        lines += ["", f"## {toctree.get('caption') or 'Pages'}", ""]
        for _, docname in toctree["entries"]:
            if docname in env.titles:
                lines += _entries(env, docname, seen)
    rest = sorted(env.found_docs - seen)
    if rest:
        lines += ["", "## More", ""]
        for docname in rest:
            lines += _entries(env, docname, seen)
    return "\n".join(lines) + "\n"


def _entries(env: BuildEnvironment, docname: str, seen: set[str]) -> list[str]:
    if docname in seen:
        return []
    seen.add(docname)
    said = _said(env, docname)
    lines = [f"- [{env.titles[docname].astext()}]({docname}.md)" + (f": {said}" if said else "")]
    for below in env.toctree_includes.get(docname, ()):
        if below in env.titles:
            lines += _entries(env, below, seen)
    return lines


def _said(env: BuildEnvironment, docname: str) -> str:
    """A page's first sentence."""
    sections = search.texts(env).get(docname, {}).get("sections") or [["", "", ""]]
    first, stop, _ = str(sections[0][2]).partition(". ")
    text = f"{first}." if stop else first
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rpartition(' ')[0]} ..."


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers what writes twins and list."""
    app.setup_extension("drillbook.site.search")
    app.connect("html-page-context", _write_twin)
    app.connect("build-finished", _write_list)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
