"""Lays the parts of a printed book out, each by itself, and writes the page numbers in.

Left to WeasyPrint, page numbers cost a second layout of the whole book, and a third and a fourth
until none moves. Here each stands in a place as wide as the longest, so that it moves nothing,
and is written when all parts are laid out. What is known of WeasyPrint's own objects beside its
documented ones: boxes of text hold what will be drawn, and `tests/test_pdf.py` reads it again.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

_STYLES = ("fonts.css", "pygments.css", "print.css")

_A_PAGE = 5900
"""Bytes of HTML that fill a page, at least: it tells how many digits the numbers have."""

_PLACES = """
  @page {{ @bottom-right {{ content: "{0} of {0}" }} }}
  a.internal::after {{ content: " (p. {0})" }}
  .contents a::after {{ content: leader(". ") "{0}" }}
"""

_WIDE = "\N{FIGURE SPACE}"
"""As wide as a digit."""


def lay_out(weasyprint: Any, html: Path, parts: Sequence[str]) -> Any:
    """All parts on numbered pages, as one document of WeasyPrint.

    Args:
        weasyprint: The package, which is only there where Pango is.
        html: Folder of the `singlehtml` build, with its styles and pictures.
        parts: HTML of each; ids are unique over all.
    """
    from weasyprint.text.fonts import FontConfiguration

    fonts = FontConfiguration()
    digits = len(str(sum(map(len, parts)) // _A_PAGE + 1))
    while True:
        blank = "0" * digits
        style = partial(weasyprint.CSS, font_config=fonts)
        sheets = [
            *(style(filename=str(html / "_static" / name)) for name in _STYLES),
            style(string=_PLACES.format(blank)),
        ]
        pictures: dict[str, Any] = {}
        documents = []
        for part in parts:
            whole = weasyprint.HTML(string=part, base_url=f"{html.resolve()}/")
            documents.append(whole.render(stylesheets=sheets, font_config=fonts, cache=pictures))
            # What is laid out stays until it is drawn: it is not looked through again and again.
            gc.collect()
            gc.freeze()
        pages = [page for document in documents for page in document.pages]
        if len(str(len(pages))) <= digits:
            _number(pages, blank)
            return documents[0].copy(pages)
        digits += 1


@contextmanager
def at_once(weasyprint: Any) -> Iterator[None]:
    """While many objects are made that all stay: Python does not look for those that do not.

    Args:
        weasyprint: The package; its writer of files asks for the list of pages with each element.
    """
    writer = weasyprint.pdf.pydyf
    whole = writer.PDF

    class Counted(whole):  # type: ignore[misc, valid-type]
        """Makes that list anew only when there is one page more."""

        @property
        def page_references(self) -> tuple[bytes, ...]:
            known = getattr(self, "_known", ())
            if len(known) != self.pages["Count"]:
                self._known = known = super().page_references
            return tuple(known)

    writer.PDF = Counted
    gc.disable()
    try:
        yield
    finally:
        writer.PDF = whole
        gc.enable()
        gc.unfreeze()


def _number(pages: Sequence[Any], blank: str) -> None:
    """Writes each page's number on it, and behind each link that of the page it leads to."""
    places: dict[str, int] = {}
    for number, page in enumerate(pages, 1):
        for anchor in page.anchors:
            places.setdefault(anchor, number)
    for number, page in enumerate(pages, 1):
        for box in _texts(page):
            if blank not in box.text:
                continue
            if box.element_tag == "a::after":
                target = unquote(str(box.element.get("href", "")).removeprefix("#"))
                # A link that leads nowhere is complained of when the file is written.
                _write(box, blank, places.get(target))
            elif box.element is None and box.text == f"{blank} of {blank}":
                _write(box, f"{blank} of {blank}", f"{number} of {len(pages)}")


def _texts(page: Any) -> Iterable[Any]:
    """The boxes of text on a page and in its margins."""
    return (box for box in page._page_box.descendants() if getattr(box, "text", ""))


def _write(box: Any, blank: str, text: object) -> None:
    """Puts a text where zeros kept its place, and as much space before it as it is shorter."""
    said = box.text.replace(blank, str(text))
    box.text = _WIDE * (len(box.text) - len(said)) + said
    box.pango_layout.text = box.text
