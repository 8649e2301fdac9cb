"""Makes the PDF: the single-file HTML on paper, with every tab, mark and diagram.

`python -m drillbook.site.pdf` prints the book, and each runbook alone, into `build/pdf`.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from drillbook import files, report
from drillbook.errors import DrillbookError, HarnessError, PageError
from drillbook.site import offered, pagination, paper
from drillbook.site.symptoms import is_printed_alone

PACKAGES = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
"""Debian's packages with the libraries that WeasyPrint draws text with."""

_AT_ONCE = 2
"""Files printed side by side."""


def make(html: Path, out: Path, *, build: Path, only: str = "") -> Path:
    """Writes the PDF of the book, or of one page.

    Args:
        html: Folder of the `singlehtml` build.
        out: The file to write.
        build: Folder of the reports, for the cover.
        only: Docname of the one page to print, with all pages below it; empty for the whole
            book.

    Raises:
        HarnessError: `no-pango`, `no-single-html`, `unreadable-report`.
        PageError: `unknown-page`; `dead-anchor` when a link leads nowhere.
    """
    weasyprint = _weasyprint()
    parts = paper.compose(html, report.read_all(build), only=only)
    with _Complaints() as complaints, pagination.at_once(weasyprint):
        data = pagination.lay_out(weasyprint, html, parts).write_pdf(pdf_variant="pdf/ua-1")
    if complaints.found:
        raise PageError(
            "dead-anchor", "the printed book is not whole:\n" + "\n".join(complaints.found)
        )
    files.replace(out, data)
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 0 when all is written."""
    parser = argparse.ArgumentParser(prog="python -m drillbook.site.pdf", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only look whether Pango is there")
    parser.add_argument(
        "--html", type=Path, default=Path("build/singlehtml"), help="folder of the singlehtml build"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("build/pdf"), help="folder, or the one file to write"
    )
    parser.add_argument("--only", default="", help="docname of one page, printed alone")
    parser.add_argument("--build", type=Path, default=Path("build"), help="folder of the reports")
    parser.add_argument("--site", type=Path, help="the built site, to be offered there")
    chosen = parser.parse_args(arguments)
    try:
        _weasyprint()
        wanted = [] if chosen.check else _wanted(chosen.html, chosen.out, chosen.only)
        # The book takes about as long as all runbooks together, and each a core.
        with ProcessPoolExecutor(_AT_ONCE, get_context("spawn")) as pool:
            printing = [
                pool.submit(make, chosen.html, out, build=chosen.build, only=only)
                for only, out in wanted
            ]
            for each in printing:
                print(each.result(), flush=True)
        if wanted and chosen.site is not None:
            offered.offer(chosen.site, wanted)
    except DrillbookError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _wanted(html: Path, out: Path, only: str) -> list[tuple[str, Path]]:
    """The pages to print, empty for the book, each with its file."""
    if out.suffix == ".pdf":
        return [(only, out)]
    if only:
        return [(only, out / f"{only}.pdf")]
    pages = paper.docnames(html)
    runbooks = [name for name in pages if is_printed_alone(name, pages)]
    return [("", out / "book.pdf"), *((name, out / f"{name}.pdf") for name in runbooks)]


def _weasyprint() -> Any:
    try:
        import weasyprint  # at the top it would fail before it can be said why
    except OSError as error:
        raise HarnessError(
            "no-pango",
            "WeasyPrint cannot load Pango, with which the PDF's text is set:"
            f" {str(error).splitlines()[0]}.",
            hint=f"On Debian and Ubuntu: sudo apt-get install {PACKAGES}",
        ) from error
    return weasyprint


class _Complaints(logging.Handler):
    """Collects what WeasyPrint logs as errors: links and pictures that lead nowhere."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(record.getMessage())

    def __enter__(self) -> _Complaints:
        logging.getLogger("weasyprint").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("weasyprint").removeHandler(self)


if __name__ == "__main__":
    sys.exit(main())
