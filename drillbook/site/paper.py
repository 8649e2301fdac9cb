"""Turns the single-file HTML into what is printed: a cover, contents, chapters for paper.

Each is a document of its own, since what laying out costs grows faster than what is laid out;
`drillbook.site.pagination` puts them together.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from bs4 import BeautifulSoup, Tag
from markupsafe import Markup

from drillbook import clock
from drillbook.errors import HarnessError, PageError, Where
from drillbook.model import Report
from drillbook.site import templates
from drillbook.site.wording import day, in_words
from drillbook.verification import STATES, State

_HTML = templates.macros("paper")
_STARTS = re.compile(r'<span id="document-([^"]*)"')
_ARTICLE = re.compile(r'<article [^>]*role="main"[^>]*>|<div class="body"[^>]*>')


@dataclass(slots=True)
class Chapter:
    """One page of the book."""

    docname: str
    content: Tag
    prefix: str
    """What its ids begin with, so that those of two pages never meet."""

    @property
    def title(self) -> str:
        """Its heading."""
        heading = self.content.find(re.compile("^h[1-6]$"))
        return heading.get_text().strip() if heading else self.docname


def compose(html: Path, reports: Sequence[Report], *, only: str = "") -> list[str]:
    """The HTML that is printed: cover and contents, then each chapter made fit for paper.

    Args:
        html: Folder of the `singlehtml` build.
        reports: What is known, for the cover.
        only: Docname of the one page to print, with all pages below it; empty for the whole
            book.
    """
    body, book = read(html, only=only)
    soup = BeautifulSoup("", "html.parser")
    chapters = chapters_of(body)
    if only:
        known = ", ".join(chapter.docname for chapter in chapters)
        chapters = [
            chapter
            for chapter in chapters
            if chapter.docname == only or chapter.docname.startswith(f"{only}/")
        ]
        if not chapters:
            raise PageError(
                "unknown-page", f"the book has no page `{only}`.", hint=f"It has {known}."
            )
    for chapter in chapters:
        for change in (flatten, _long_words, _plain, _headings):
            change(soup, chapter.content)
    _links(chapters)
    title = chapters[0].title if only else book
    today = _today(reports)
    commits = dict.fromkeys(found.commit[:10] for found in reports if found.commit)
    edition = ", ".join(
        [title, day(today.isoformat()), *(f"commit {one}" for one in [*commits][:1])]
    )
    cover = _cover(title, book if only else "", edition, chapters, reports)
    contents = [cover + _contents(chapters), *(Markup(chapter.content) for chapter in chapters)]
    return [str(_HTML.part(title, clock.text(today), edition, content)) for content in contents]


def docnames(html: Path) -> list[str]:
    """The pages that the single-file HTML holds, in its order."""
    return [found[1] for found in _STARTS.finditer(_text_of(html))]


def read(html: Path, *, only: str = "") -> tuple[Tag, str]:
    """The article of the single-file HTML, and the book's title.

    Args:
        html: Folder of the `singlehtml` build.
        only: Docname of a page; where the book has it, the article holds little more than it and
            the pages below it, since the whole takes seconds to read.
    """
    source = html / "index.html"
    soup = BeautifulSoup(_part(_text_of(html), only), "html.parser")
    body = soup.select_one("article[role=main]") or soup.select_one("div.body")
    if body is None:
        raise HarnessError("no-single-html", "it has no article.", where=Where(source.as_posix()))
    return body, _text(soup.title).split(" - ")[-1].strip() if soup.title else "Book"


def _part(text: str, only: str) -> str:
    """The file as far as it concerns a page and those below it; whole when it has none such."""
    starts = [(found[1], found.start()) for found in _STARTS.finditer(text)]
    article = _ARTICLE.search(text)
    ends = [start for _, start in starts[1:]] + [len(text)]
    kept = [
        text[start:end]
        for (name, start), end in zip(starts, ends, strict=False)
        if only and (name == only or name.startswith(f"{only}/"))
    ]
    return text[: article.end()] + "".join(kept) if kept and article else text


def _text_of(html: Path) -> str:
    source = html / "index.html"
    try:
        return source.read_text(encoding="utf-8")
    except OSError as error:
        raise HarnessError(
            "no-single-html",
            "there is no single-file HTML to print.",
            where=Where(source.as_posix()),
            hint="Build it first: python -m sphinx -c . -b singlehtml source build/singlehtml",
        ) from error


def chapters_of(body: Tag) -> list[Chapter]:
    """The pages of the book in its order, each taken out of the one it hangs below."""
    found: list[tuple[str, Tag]] = []
    for start in body.select('span[id^="document-"]'):
        section = start.find_next_sibling("section")
        if section is not None:
            found.append((str(start["id"]).removeprefix("document-"), section))
    for _, section in found:
        section.extract()
    for wrapper in body.select(".toctree-wrapper"):
        wrapper.decompose()
    first = body.find("section")
    pages = [("index", first), *found] if first is not None else found
    return [Chapter(name, tag, f"c{number}-") for number, (name, tag) in enumerate(pages)]


def flatten(soup: BeautifulSoup, content: Tag) -> None:
    """Shows at once what a screen shows when asked, without what only a screen has use for."""
    for change in (_drop, _show_tabs, _unfold, _tick_boxes):
        change(soup, content)


def _drop(soup: BeautifulSoup, content: Tag) -> None:
    """What is of no use on paper."""
    for tag in content.select("a.headerlink, script, button, .toctree-wrapper, colgroup"):
        tag.decompose()


def _show_tabs(soup: BeautifulSoup, content: Tag) -> None:
    """Each alternative of a tab-set in full, under its name."""
    # Inner sets first: an outer one takes its content along as it is by then.
    for tabs in reversed(content.find_all("div", class_="sd-tab-set")):
        labels = tabs.find_all("label", recursive=False)
        panes = tabs.find_all("div", class_="sd-tab-content", recursive=False)
        shown = soup.new_tag("div", attrs={"class": "alternatives"})
        for number, (label, pane) in enumerate(zip(labels, panes, strict=True), 1):
            name = soup.new_tag("p", attrs={"class": "alternative-name"})
            name.string = _text(label)
            of = soup.new_tag("span", attrs={"class": "of"})
            of.string = f" (alternative {number} of {len(panes)})"
            name.append(of)
            pane.attrs = {"class": "alternative"}
            pane.insert(0, name)
            shown.append(pane)
        tabs.replace_with(shown)


def _unfold(soup: BeautifulSoup, content: Tag) -> None:
    """What is folded away on a screen is open on paper."""
    for details in content.find_all("details"):
        if not details.parent or "db-mark" not in details.parent.get_attribute_list("class"):
            continue
        # A mark is one line on paper.
        for part in details.find_all(["summary", "p"], recursive=False):
            part.name = "span"
            part.append(" ")
        details.unwrap()
    for details in reversed(content.find_all("details")):
        details.name = "div"
        details.attrs = {"class": "folded"}
        summary = details.find("summary", recursive=False)
        if summary is not None:
            for icon in summary.select(".sd-summary-state-marker, .sd-summary-icon"):
                icon.decompose()
            summary.name = "p"
            summary.attrs = {"class": "folded-title"}


_LONGEST_WORD = 26
"""Characters of a word of code that a table's column can take whole."""


def _long_words(soup: BeautifulSoup, content: Tag) -> None:
    """Marks what may be broken in a table's cell: nothing but words wider than a column."""
    for part in content.select("td code, th code, td code span, th code span"):
        if part.find("span") is None and any(
            len(word) > _LONGEST_WORD for word in part.get_text().split()
        ):
            kept = [str(each) for each in part.get_attribute_list("class") if each]
            part["class"] = " ".join([*kept, "long-word"])


_UNCOLOURED = "w, n, nn, nx, p, pm"
"""Kinds of tokens of code that are printed like the text around them."""

_BARE = ", ".join(
    [
        *(f"pre span.{kind}" for kind in _UNCOLOURED.split(", ")),
        "pre span:empty, span.pre:not(.long-word), span.std, span.db-sep, time",
    ]
)
"""Elements that paper shows like what they stand in: each costs as much as one that it does not."""


def _plain(soup: BeautifulSoup, content: Tag) -> None:
    """Takes away what makes no difference on paper, a good half of all elements."""
    for tag in content.select(f":is({_BARE}):not([id])"):
        tag.unwrap()
    for cell in content.select("table:not(.db-table) :is(td, th):has(> p:not([id]))"):
        inside = [each for each in cell.contents if isinstance(each, Tag) or str(each).strip()]
        if len(inside) == 1:
            cast("Tag", inside[0]).unwrap()


def _tick_boxes(soup: BeautifulSoup, content: Tag) -> None:
    for box in content.find_all("input"):
        if "task-list-item-checkbox" not in box.get_attribute_list("class"):
            box.decompose()
            continue
        drawn = soup.new_tag("span", attrs={"class": "box"})
        drawn.string = "×" if box.has_attr("checked") else " "
        box.replace_with(drawn)


def _headings(soup: BeautifulSoup, content: Tag) -> None:
    """Lets every chapter begin with an h1, whatever it hung below, and a section with its heading.

    A former address before the heading would part it from the heading above on the page.
    """
    headings = content.find_all(re.compile("^h[1-6]$"))
    for heading in headings:
        while _is_address(before := heading.find_previous_sibling()):
            heading.insert(0, cast("Tag", before).extract())
    if headings:
        highest = int(headings[0].name[1])
        for heading in headings:
            heading.name = f"h{min(6, max(1, int(heading.name[1]) - highest + 1))}"


def _is_address(tag: object) -> bool:
    """Whether it is an element that only bears an id."""
    return isinstance(tag, Tag) and tag.name == "span" and bool(tag.get("id")) and not tag.contents


def _links(chapters: Sequence[Chapter]) -> None:
    """Makes ids unique over the book and lets every link lead to one, or out, or nowhere."""
    homes: dict[str, Chapter] = {}
    targets: dict[str, str] = {}
    for chapter in chapters:
        targets[f"document-{chapter.docname}"] = f"{chapter.prefix}top"
        homes[chapter.docname] = chapter
        for tag in [chapter.content, *chapter.content.select("[id]")]:
            if tag.has_attr("id"):
                targets.setdefault(str(tag["id"]), f"{chapter.prefix}{tag['id']}")
    for chapter in chapters:
        own = {str(tag["id"]) for tag in chapter.content.select("[id]")}
        own |= {str(chapter.content.get("id", ""))}
        for link in chapter.content.select("a"):
            address = str(link.get("href", ""))
            if re.match(r"(https?|mailto):", address):
                if _text(link) not in (address, address.removeprefix("mailto:")):
                    link["class"] = "external"
                continue
            name = address.removeprefix("#")
            page, _, rest = name.removeprefix("document-").partition("#")
            if name in own:
                link["href"] = f"#{chapter.prefix}{name}"
            elif rest and page in homes:
                link["href"] = f"#{homes[page].prefix}{rest}"
                link["class"] = "internal"
            elif address.startswith("#") and name in targets:
                link["href"] = f"#{targets[name]}"
                link["class"] = "internal"
            else:
                # To a page that is not printed, or to a file beside the book.
                link.unwrap()
        for tag in chapter.content.select("[id]"):
            tag["id"] = f"{chapter.prefix}{tag['id']}"
        chapter.content["id"] = f"{chapter.prefix}top"


def _contents(chapters: Iterable[Chapter]) -> Markup:
    listed = []
    for chapter in chapters:
        inner = []
        for section in chapter.content.find_all("section", recursive=False):
            heading = section.find("h2")
            if heading is not None and section.get("id"):
                inner.append((section["id"], _text(heading)))
        listed.append((f"{chapter.prefix}top", chapter.title, inner))
    return Markup(_HTML.contents(listed))


def _cover(
    title: str,
    lead: str,
    edition: str,
    chapters: Sequence[Chapter],
    reports: Sequence[Report],
) -> Markup:
    """Title, day, commit and what the marks inside add up to."""
    blocks = _tally(chapters, ".db-mark")
    drills = _tally(chapters, ".db-drill")
    facts = [
        ("Edition of", day(_today(reports).isoformat())),
        ("Run at commit", ", ".join(_commits(reports))),
        ("Blocks", in_words(blocks)),
        ("Drills", in_words(drills)),
        *(
            (f"Last run on {found.backend}", _on_what(found))
            for found in reports
        ),
    ]  # fmt: skip
    return Markup(_HTML.cover(title, lead, facts, edition))


def _commits(reports: Sequence[Report]) -> list[str]:
    return list(dict.fromkeys(found.commit[:10] for found in reports if found.commit))


def _on_what(found: Report) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in found.versions.items())
    when = found.finished[:16].replace("T", " ")
    return f"{when} UTC, {versions}" if versions else f"{when} UTC"


def _tally(chapters: Sequence[Chapter], selector: str) -> Mapping[State, int]:
    counts = dict.fromkeys(STATES, 0)
    for chapter in chapters:
        for tag in chapter.content.select(selector):
            counts[cast("State", tag["data-state"])] += 1
    return counts


def _today(reports: Sequence[Report]) -> datetime:
    """The day of the edition: the caller's, that of the newest run, or today."""
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        return datetime.fromtimestamp(int(epoch), UTC)
    newest = max((found.finished for found in reports), default="")
    return datetime.fromisoformat(newest) if newest else clock.now()


def _text(tag: Tag) -> str:
    return " ".join(tag.get_text().split())
