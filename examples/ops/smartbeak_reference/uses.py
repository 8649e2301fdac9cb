"""Which tables of the reference a page stands in, and which pages a change makes stale.

A table names the pages that use its entries, so that it is made from all of them. It is
made anew only when a page begins or ends to use one of its entries, or has another title.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from smartbeak_compare.known import Facts
from smartbeak_reference import evidence, pages, subjects
from smartbeak_reference.pages import Page

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

GLOSSARY = "examples/ops/glossary.yaml"
SOURCES = (subjects.FACTS, subjects.COMPOSE, subjects.SETTINGS, GLOSSARY)
"""What the tables are made from, beside the pages."""

TABLES = "smartbeak-tables"
"""Key of a page's metadata: the tables that it shows."""

_Uses = Mapping[str, Callable[[Page], bool]]
"""Whether a page uses an entry of a table, by the entry's name."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a page was found to use."""

    digest: str
    """Of its text and of what the tables are made from."""

    title: str

    used: Mapping[str, frozenset[str]]
    """Names of entries by table."""


def glossary(root: Path) -> Mapping[str, Mapping[str, Any]]:
    """The glossary's terms, by part."""
    found = yaml.safe_load((root / GLOSSARY).read_text(encoding="utf-8"))
    return cast("Mapping[str, Mapping[str, Any]]", found)


def says(page: Page, name: str, also: Iterable[str]) -> bool:
    """Whether a page uses a term, in one or several."""
    text = page.text.lower()
    return any(word.lower() in text for word in (name, *also))


def tables(root: Path) -> Mapping[str, _Uses]:
    """Every table, by its subject or its part of the glossary."""

    def entry(each: subjects.Entry) -> Callable[[Page], bool]:
        return lambda page: bool(pages.using((page,), each.pattern, each.word, prose=each.prose))

    def term(name: str, about: Mapping[str, Any]) -> Callable[[Page], bool]:
        return lambda page: says(page, name, about.get("also", ()))

    def compared(subject: str, each: subjects.Entry) -> Callable[[Page], bool]:
        return lambda page: (subject, each.key) in dict(evidence.asked(page.text, facts))

    stack, facts = subjects.read(root), Facts(root / "examples")
    of_subjects = {}
    for name, subject in subjects.SUBJECTS.items():
        entries = list(subject.entries(stack))
        of_subjects[name] = {
            **{str(number): entry(each) for number, each in enumerate(entries)},
            **{
                f"{number} compared": compared(subject.compared_as or name, each)
                for number, each in enumerate(entries)
                if each.key
            },
        }
    of_terms = {
        f"glossary:{part}": {name: term(name, about) for name, about in terms.items()}
        for part, terms in glossary(root).items()
    }
    return {**of_subjects, **of_terms}


def read(root: Path, before: Mapping[str, Known]) -> dict[str, Known]:
    """What each page uses now.

    Args:
        root: The project's folder.
        before: What each was found to use; only pages whose text is another are looked at.
    """
    sources = hashlib.sha256(b"\0".join((root / name).read_bytes() for name in SOURCES)).hexdigest()
    found: dict[str, Known] = {}
    all_tables: Mapping[str, _Uses] = {}
    for page in pages.read(root):
        digest = hashlib.sha256(f"{sources}\0{page.text}".encode()).hexdigest()
        known = before.get(page.docname)
        if known is None or known.digest != digest:
            all_tables = all_tables or tables(root)
            known = Known(digest, page.title, _used(page, all_tables))
        found[page.docname] = known
    return found


def _used(page: Page, all_tables: Mapping[str, _Uses]) -> dict[str, frozenset[str]]:
    found = {
        table: frozenset(name for name, uses in entries.items() if uses(page))
        for table, entries in all_tables.items()
    }
    return {table: names for table, names in found.items() if names}


def stale(before: Mapping[str, Known], now: Mapping[str, Known]) -> Iterator[str]:
    """The tables that say something else now."""
    for docname in {*before, *now}:
        old, new = before.get(docname), now.get(docname)
        for table in {*(old.used if old else ()), *(new.used if new else ())}:
            if (
                old is None
                or new is None
                or old.title != new.title
                or old.used.get(table) != new.used.get(table)
            ):
                yield table


def changed(
    app: Sphinx, env: BuildEnvironment, _added: Set[str], _outdated: Set[str], _removed: Set[str]
) -> list[str]:
    """Pages whose tables say something else now, on `env-get-outdated`."""
    root = Path(app.confdir)
    if not all((root / name).is_file() for name in SOURCES):
        return []  # such a book has no tables
    before: Mapping[str, Known] = getattr(env, "smartbeak_uses", {})
    now = read(root, before)
    env.smartbeak_uses = now  # type: ignore[attr-defined]
    different = {*stale(before, now)}
    return [
        docname
        for docname, said in env.metadata.items()
        if different & {*str(said.get(TABLES, "")).split()}
    ]


def note(env: BuildEnvironment, table: str) -> None:
    """Keeps that the page being read shows a table; Sphinx clears and merges metadata."""
    said = env.metadata[env.docname]
    said[TABLES] = f"{said.get(TABLES, '')} {table}".strip()
