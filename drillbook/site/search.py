"""What the site's search looks through: sections, and the texts that lead to a page.

The texts are taken as pages are read and written as a script, because a browser loads a
script from a folder on a disk and refuses to fetch a file there. `source/_static/search.js`
ranks them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx import search as sphinx_search
from sphinx.environment.collectors import EnvironmentCollector
from sphinx.util import logging

from drillbook import consistency, plan
from drillbook.errors import PageError, Where
from drillbook.pages.blocks import DrillNode
from drillbook.site import symptoms

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment
    from sphinx.util.typing import ExtensionMetadata

SCRIPT = "_static/search-texts.js"
"""Where the texts stand in the built site."""

WORDS = "words.yaml"
"""In the sources: words that mean the same (`same`), and what else a page is called (`pages`)."""

CAPTURED = "captured.json"
"""In the sources: texts that drills saw while something was broken, each with its `pages`."""

STEMMER = [
    Path(sphinx_search.__file__).parent / "minified-js" / name
    for name in ("base-stemmer.js", "english-stemmer.js")
]
"""Sphinx's own, so that what is typed is found in another form."""

_TEXTS = "drillbook_search"
_SHORTEST = 3
"""Characters of a text that may lead to a page: a shorter one is no error's text."""

_WEIGHTS = {(True, True): 1.0, (True, False): 0.75, (False, True): 0.6, (False, False): 0.5}
"""What a page's fit counts, by whether it is a runbook's and whether it has a drill."""

_SHARED = 0.85
"""What a captured text counts that leads to a hub."""

_TOLD_APART = ("never", "guards", "watch")
"""Pages of a runbook that answer no symptom."""

Page = dict[str, Any]
"""One page: `drills` (whether it has one), `sections` and `links`, as `of` gives them."""

logger = logging.getLogger(__name__)


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
        `sections`: `[anchor, title, text]` of each; `links`: `[page, anchor, text]` of each link,
        with its own words, and with what is printed in the table row where it is the first.
        `page` is empty for the page's own.
    """
    links = [
        [*_target(link), link.astext()]
        for link in doctree.findall(_is_link)
        if isinstance(link, nodes.Element)
    ]
    for row in doctree.findall(nodes.row):
        links += _row(row)
    return {
        "drills": next(iter(doctree.findall(DrillNode)), None) is not None,
        "sections": [
            # The first section is the page itself.
            [section["ids"][0] if number else "", _title(section), _own_text(section)]
            for number, section in enumerate(doctree.findall(nodes.section))
        ],
        "links": links,
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


def _row(row: nodes.row) -> Iterator[list[str]]:
    link = next(iter(row.findall(_is_link)), None)
    if isinstance(link, nodes.Element):
        for literal in row.findall(nodes.literal):
            if len(literal.astext()) >= _SHORTEST:
                yield [*_target(link), literal.astext()]


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


def script(
    env: BuildEnvironment,
    address: Any,
    trees: Path | None = None,
    takes: Callable[[str], bool] = lambda text: True,
) -> str:
    """The texts of the whole book as a script.

    Args:
        env: What was read.
        address: Gives the address of a page by its docname.
        trees: Folder of the triage tables, where the stack has them.
        takes: Whether a captured text is taken; a test holds some back.
    """
    kept = {name: each for name, each in sorted(texts(env).items()) if name in env.titles}
    place = {name: number for number, name in enumerate(kept)}
    words = words_of(Path(env.srcdir))
    said = {
        (target or name, anchor, text)
        for name, page in kept.items()
        for target, anchor, text in page["links"]
    }
    read = [plan.page_of(each["page"]) for each in env.domaindata["drillbook"]["pages"].values()]
    if trees:
        said |= {(name, "", text) for name, text in symptoms.leading(read, trees)}
    said |= {(name, "", text) for name, called in words["pages"].items() for text in called}
    weighed = [(*each, 1.0) for each in sorted(said)] + [
        (name, "", text, weight)
        for text, name, weight in _captured(Path(env.srcdir), env.found_docs)
        if takes(text)
    ]
    found = {
        "pages": [
            [address(name), env.titles[name].astext(), _weight(name, page)]
            for name, page in kept.items()
        ],
        "sections": [
            [place[name], *section] for name, page in kept.items() for section in page["sections"]
        ],
        "said": [[place[name], *rest] for name, *rest in weighed if name in place],
        "same": words["same"],
    }
    return f"window.drillbookTexts={json.dumps(found, ensure_ascii=False)};\n"


def _captured(source: Path, docnames: Set[str]) -> Iterator[tuple[str, str, float]]:
    """Each captured text with the page whose drills saw it, or with the hubs of several.

    Where a table says which of several pages comes first, that counts more.
    """
    path = source / CAPTURED
    for each in json.loads(path.read_text(encoding="utf-8")) if path.exists() else []:
        pages = [page for page in each["pages"] if page in docnames]
        if len(pages) > 1:
            hubs = {page.rpartition("/")[0] for page in pages} & docnames
            yield from ((each["text"], hub, _SHARED) for hub in hubs)
        else:
            yield from ((each["text"], page, 1) for page in pages)


def _weight(docname: str, page: Page) -> float:
    runbook = symptoms.is_runbook(docname) and docname.rpartition("/")[2] not in _TOLD_APART
    return _WEIGHTS[runbook, page["drills"]]


def words_of(source: Path) -> Mapping[str, Any]:
    """What `words.yaml` holds; nothing where the book has none.

    Args:
        source: The folder of the sources.

    Raises:
        PageError: It is no such file.
    """
    path = source / WORDS
    if not path.exists():
        return {"same": [], "pages": {}}
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    right = (
        isinstance(found, dict)
        and found.keys() == {"same", "pages"}
        and _are_texts(found["same"])
        and isinstance(found["pages"], dict)
        and _are_texts(found["pages"].values())
    )
    if not right:
        raise _wrong("the file has `same`, lists of words, and `pages`, a list of texts for each.")
    return dict(found)


def _are_texts(lists: Any) -> bool:
    return all(
        isinstance(each, Sequence) and all(isinstance(text, str) for text in each) for each in lists
    )


def _wrong(message: str) -> PageError:
    return PageError("search-words", message, where=Where(f"source/{WORDS}"))


def wrong_pages(words: Mapping[str, Any], docnames: Set[str]) -> Iterator[PageError]:
    """An error for each page that `words.yaml` names and the book has not."""
    for name in words["pages"]:
        if name not in docnames:
            yield _wrong(f"no page is named `{name}`.")


def _check(app: Sphinx, env: BuildEnvironment) -> None:
    try:
        wrong = list(wrong_pages(words_of(Path(app.srcdir)), env.found_docs))
    except PageError as error:
        wrong = [error]
    for each in wrong:
        logger.warning("%s", each, type="drillbook", subtype=each.code)


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
        for script_file in STEMMER:
            shutil.copy(script_file, path.parent)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers what collects and writes the texts."""
    app.add_env_collector(Texts)
    app.connect("builder-inited", _leave_out_index)
    app.connect("env-updated", _check)
    app.connect("html-collect-pages", _search_page)
    app.connect("build-finished", _write)
    return {
        "version": "1",
        "env_version": 2,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
