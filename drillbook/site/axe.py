"""Holds the built site against the rules of axe: what a reader who hears or enlarges it needs.

`python -m drillbook.site.axe` opens the pages of `build/html` in a browser without a network,
light and dark, 1300 and 390 pixels wide, and names each finding by its page. Of the evidence,
which has one template, it opens every tenth page, all with `--all`. A page that is too large for
a phone is a finding too, and a drilled branch of a runbook that prints on more than three.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drillbook.errors import DrillbookError, HarnessError
from drillbook.sandboxes import npm, servers, stack
from drillbook.site import whole

CHECKOUT = Path(__file__).parent / "browser"
"""The scripts that look at pages, with the lock of the packages they use."""

LARGEST = 250_000
"""Bytes of a page at most: what a phone on a slow network gets in two seconds."""

EVIDENCE = "evidence/"
"""Where the pages of single results stand: above a thousand, of one template, without script."""

MOST_SHEETS = 3
"""Sheets of A4 that a drilled branch of a runbook takes at most, printed from the browser."""

_GREEN = re.compile(r'<div class="db-drill"[^>]* data-state="(?:verified|simulated)"')
_EVERY = 10
"""Of how many of those one is looked at, unless all are asked for."""

_BROWSER = "chromium"
_TIMEOUT_S = 1200.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One element of one page that breaks a rule."""

    page: str
    """Path in the site."""

    rule: str
    """As axe names it."""

    help: str
    """What is wrong."""

    at: str
    """CSS selector of the element."""

    seen: tuple[str, ...]
    """Themes and widths in which it was found."""

    def __str__(self) -> str:
        """As it is printed."""
        return f"{self.page}: {self.rule}: {self.help}\n  at {self.at} ({'; '.join(self.seen)})"


def look(site: Path, pages: Sequence[str], root: Path) -> list[Finding]:
    """What axe finds on some pages.

    Args:
        site: Folder of the built site.
        pages: Paths in it.
        root: The project's folder, for its browser and packages.

    Raises:
        HarnessError: `missing-server` without a browser, `no-packages`, `browser-broke`.
    """
    lines = run(
        CHECKOUT / "axe.mjs",
        {
            "folder": str(site.resolve()),
            "pages": list(pages),
            "sheets": branches(site, pages),
            "most": MOST_SHEETS,
        },
        root,
    )
    found: dict[tuple[str, str, str, str], list[str]] = {}
    done = set()
    for line in lines:
        if line.get("done"):
            done.add(line["page"])
            continue
        key = (line["page"], line["rule"], line["help"], line["at"])
        found.setdefault(key, []).append(line["as"])
    unseen = [page for page in pages if page not in done]
    if unseen:
        raise HarnessError("browser-broke", f"not looked at: {', '.join(unseen)}")
    return [
        Finding(page, rule, help_, at, tuple(filter(None, seen)))
        for (page, rule, help_, at), seen in sorted(found.items())
    ]


def wanted(site: Path, *, every: int) -> list[str]:
    """The pages to look at: all of the book, and some of the evidence.

    Args:
        site: Folder of the built site.
        every: Of how many evidence pages one is taken.
    """
    pages = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    evidence = [page for page in pages if page.startswith(EVIDENCE)]
    return [page for page in pages if not page.startswith(EVIDENCE)] + evidence[::every]


def branches(site: Path, pages: Sequence[str]) -> list[str]:
    """Those of the pages that are drilled branches; a drill that failed says why, on more paper.

    Args:
        site: Folder of the built site.
        pages: Paths in it.
    """
    return [
        page
        for page in pages
        if (site / page).with_name(f"{whole.NAME}.html").is_file()
        and not page.endswith(f"/{whole.NAME}.html")
        and _GREEN.search((site / page).read_text(encoding="utf-8"))
    ]


def heavy(site: Path, pages: Sequence[str]) -> list[Finding]:
    """The pages above `LARGEST`; a whole runbook, which nobody waits for at night, may be.

    Args:
        site: Folder of the built site.
        pages: Paths in it.
    """
    sizes = ((page, (site / page).stat().st_size) for page in pages)
    return [
        Finding(page, "page-weight", f"{size} bytes, at most {LARGEST}", "html", ("any",))
        for page, size in sizes
        if size > LARGEST and not page.endswith(f"/{whole.NAME}.html")
    ]


def run(script: Path, given: dict[str, object], root: Path) -> list[dict[str, Any]]:
    """Runs one of the scripts that look at pages; what it said, a line at a time.

    Args:
        script: The file; its packages are those of `CHECKOUT`.
        given: What it is given beside packages and browser.
        root: The project's folder.

    Raises:
        HarnessError: As `look`.
    """
    browser = servers.find(stack.load(root).programs[_BROWSER], os.environ) / _BROWSER
    modules = npm.installed(root, CHECKOUT)
    given = {**given, "modules": str(modules), "chromium": str(browser)}
    done = subprocess.run(
        [npm.programs(root) / "node", script],
        input=json.dumps(given), capture_output=True, text=True, timeout=_TIMEOUT_S,
    )  # fmt: skip
    if done.returncode:
        raise HarnessError("browser-broke", f"{script.name} ended early:\n{done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 0 when nothing is found."""
    parser = argparse.ArgumentParser(prog="python -m drillbook.site.axe", description=__doc__)
    parser.add_argument("--html", type=Path, default=Path("build/html"), help="the built site")
    parser.add_argument("--all", action="store_true", help="each evidence page, not every tenth")
    parser.add_argument("pages", nargs="*", help="paths in it; without one, all")
    chosen = parser.parse_args(arguments)
    pages = chosen.pages or wanted(chosen.html, every=1 if chosen.all else _EVERY)
    try:
        found = [*heavy(chosen.html, pages), *look(chosen.html, pages, Path.cwd())]
    except DrillbookError as error:
        print(error, file=sys.stderr)
        return 3
    for each in found:
        print(each)
    print(f"axe: {len(pages)} pages, {len(found)} findings")
    return 1 if found or not pages else 0


if __name__ == "__main__":
    sys.exit(main())
