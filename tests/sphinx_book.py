"""A small book in a temporary folder, as input for tests of the Sphinx front."""

from __future__ import annotations

import io
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

from sphinx.application import Sphinx
from sphinx.deprecation import RemovedInSphinx11Warning
from sphinx.util.docutils import docutils_namespace, patch_docutils

from drillbook import plan
from drillbook.errors import PageError
from drillbook.model import Page, Plan, Scenario, Snippet

ROOTS = Path(__file__).parent / "roots"
CONF = """\
project = "book"
extensions = ["myst_parser", "sphinx_design", "sphinx_copybutton", "drillbook.sphinx_ext"]
myst_enable_extensions = ["attrs_block", "colon_fence", "deflist"]
exclude_patterns = ["fragments"]
copybutton_exclude = ".linenos, .gp, .go"
"""
STACK = """\
x-drillbook: {drills: sphinx_book_kit, python-path: [drills], prober: ops}
services:
  ops: {}
  db-1: {x-drillbook: {noticed-by: writes}}
  db-2: {depends_on: {db-1: {condition: service_healthy}}}
  redis-1: {}
"""
KIT = """\
from drillbook.drills.declarations import Oracle
from drillbook.drills.kit import Kit

KIT = Kit("sphinx_book_prober", [Oracle("writes", "Writes are taken.")])
"""
FRONT = """\
---
owner: docs
review-cycle: monthly
last-reviewed: 2026-11-01
stack: [db-1]
---
"""
DRILL = """\
```{drill} primary-lost
:fault: kill db-1
:rto: 15min
:people: 10min
:rpo: 0s
```
"""


def block(text: str, *options: str, language: str = "console") -> str:
    """A code block with options, as a page has it."""
    lines = [f":{option}" for option in options]
    return "\n".join([f"```{{code-block}} {language}", *lines, "", text.rstrip("\n"), "```", ""])


def in_days(days: int) -> str:
    """The date that many days from today."""
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


class Book:
    """One small project."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.warnings = ""
        self.put("conf.py", CONF)
        self.put("examples/compose.yaml", STACK)
        self.put("examples/drills/sphinx_book_kit.py", KIT)

    @classmethod
    def copy(cls, name: str, root: Path) -> Book:
        """A copy of one of the projects in `roots`."""
        shutil.copytree(ROOTS / name, root, dirs_exist_ok=True)
        book = cls.__new__(cls)
        book.root, book.warnings = root, ""
        return book

    def put(self, path: str, text: str) -> Path:
        """Writes a file of the project."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target

    def page(self, body: str, name: str = "index", front: str = FRONT) -> Path:
        """Writes a page; its body begins after the front matter and a title."""
        return self.put(f"source/{name}.md", f"{front}# Title\n\n{body}")

    def build(self, builder: str = "plan", *, parallel: int = 1, outdir: str = "") -> int:
        """Builds the book with Sphinx and returns the exit status."""
        warnings = io.StringIO()
        out = self.root / "build"
        with patch_docutils(self.root), docutils_namespace(), catch_warnings():
            # MyST-Parser 5.2 still asks the environment for its application.
            simplefilter("ignore", RemovedInSphinx11Warning)
            app = Sphinx(
                srcdir=self.root / "source",
                confdir=self.root,
                outdir=out if builder == "plan" else out / (outdir or builder),
                doctreedir=out / "doctrees",
                buildername=builder,
                status=io.StringIO(),
                warning=warnings,
                parallel=parallel,
            )
            app.build()
        self.warnings = re.sub(r"\x1b\[[0-9;]*m", "", warnings.getvalue())
        self.app: Any = app
        return int(app.statuscode)

    @property
    def errors(self) -> list[PageError]:
        """What was wrong when the plan was last made."""
        file = self.root / "build" / plan.ERRORS_FILE
        return plan.read_errors(file) if file.exists() else []

    def plan(self) -> Plan:
        """The plan, made anew; the book must be right."""
        assert self.build() == 0, self.warnings
        return plan.read(self.root / plan.FILE)

    def codes(self) -> list[tuple[str, int]]:
        """Code and line of everything wrong with the book."""
        self.build()
        return [(error.code, error.where.line if error.where else 0) for error in self.errors]


def page_of(found: Plan, docname: str = "index") -> Page:
    """The page of that name."""
    return next(page for page in found.pages if page.docname == docname)


def scenario_of(found: Plan, id_: str) -> Scenario:
    """The scenario of that id."""
    return next(one for page in found.pages for one in page.scenarios if one.id == id_)


def snippets_of(found: Plan) -> dict[str, Snippet]:
    """Each snippet by its name, whichever scenario it is in."""
    return {
        snippet.name: snippet
        for page in found.pages
        for scenario in page.scenarios
        for snippet in scenario.snippets
    }
