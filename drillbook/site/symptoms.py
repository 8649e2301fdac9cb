"""Texts that drills saw while something was broken, each with the one branch that answers it.

What a drill's page expects before anything is changed was printed by the broken stack each time
the drill passed. A text that two branches expect, or that is also seen once all is well, leads
nowhere and is left out. To these come the texts of the triage tables.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from drillbook.model import Page, Scenario, Snippet
from drillbook.pages import languages

_SHORTEST = 6
"""Characters of a text that says something."""

_MASK = re.compile(r"<[\w-]+>")
_WORD = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True, slots=True, order=True)
class Symptom:
    """A text and the page that answers it."""

    docname: str
    """The branch."""

    text: str
    """As it is printed; masks are read as `...`."""

    drilled: bool
    """Whether a drill expects it word for word, or a triage table says it."""


def of(pages: Iterable[Page], trees: Path) -> list[Symptom]:
    """Every text with its branch, by branch.

    Args:
        pages: The plan's pages.
        trees: Folder of the triage tables.
    """
    broken: dict[str, set[str]] = {}
    well: set[str] = set()
    for page in pages:
        if not is_runbook(page.docname):
            continue
        for scenario in page.scenarios:
            for text, after in _printed(scenario):
                if after:
                    well.add(text)
                else:
                    broken.setdefault(text, set()).add(page.docname)
    found = {
        text: Symptom(next(iter(names)), text, True)
        for text, names in broken.items()
        if len(names) == 1 and text not in well
    }
    for text, docname in _said(trees):
        found.setdefault(text, Symptom(docname, text, False))
    return sorted(found.values())


def leading(pages: Iterable[Page], trees: Path) -> Iterator[tuple[str, str]]:
    """Every text that leads to a page, as `(docname, text)`, also where it leads to several.

    What drills see printed while something is broken, and of each row of the triage tables what
    is printed and what users say.

    Args:
        pages: The plan's pages.
        trees: Folder of the triage tables.
    """
    for page in pages:
        if is_runbook(page.docname):
            for scenario in page.scenarios:
                yield from ((page.docname, text) for text, after in _printed(scenario) if not after)
    for row in _rows(trees):
        for key in ("says", "symptom"):
            if row.get(key):
                yield _branch(row), str(row[key])


def is_runbook(docname: str) -> bool:
    """Whether a page stands in a folder of runbooks, at any depth."""
    return "runbooks" in docname.split("/")[:-1]


def is_printed_alone(docname: str, docnames: Container[str]) -> bool:
    """Whether a page has a PDF of its own: a runbook; its branches are printed with their hub.

    Args:
        docname: The page.
        docnames: All pages of the book.
    """
    return is_runbook(docname) and docname.rpartition("/")[0] not in docnames


def of_runbooks(found: Iterable[Symptom], docnames: Set[str]) -> dict[str, list[Symptom]]:
    """The symptoms of each runbook, by its hub's page."""
    by_hub: dict[str, list[Symptom]] = {}
    for each in found:
        folder = each.docname.rpartition("/")[0]
        by_hub.setdefault(folder if folder in docnames else each.docname, []).append(each)
    return by_hub


def _printed(scenario: Scenario) -> Iterator[tuple[str, bool]]:
    """Each telling line that a scenario expects, and whether all is well by then."""
    changed = scenario.drill is None
    for snippet in scenario.snippets:
        changed = changed or snippet.options.effect in ("write", "destructive")
        for line in _expected(snippet):
            yield line, changed


def _expected(snippet: Snippet) -> Iterator[str]:
    if not languages.of(snippet).prompts or snippet.options.skip:
        return
    for command in languages.commands(snippet):
        for line in command.expected:
            text = " ".join(_MASK.sub("...", line).split())
            # A page's own name is told by triage, and is no symptom.
            if len(text) >= _SHORTEST and _WORD.search(text) and not text.startswith("branch:"):
                yield text


def _said(trees: Path) -> Iterator[tuple[str, str]]:
    """The texts of the triage tables, each with the first branch that it leads to."""
    for row in _rows(trees):
        if row.get("says"):
            yield str(row["says"]), _branch(row)


def _branch(row: Mapping[str, Any]) -> str:
    return str(row["branch"]).partition("#")[0]


def _rows(trees: Path) -> Iterator[Mapping[str, Any]]:
    for path in sorted(trees.glob("*.yaml")):
        yield from yaml.safe_load(path.read_text(encoding="utf-8"))["rows"]
