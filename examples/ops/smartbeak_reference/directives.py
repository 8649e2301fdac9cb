"""The directives: a table of a subject, and the glossary."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from drillbook.site.checks import CHECK
from drillbook.site.summaries import METADATA, SummaryNode
from smartbeak_reference import evidence, pages, subjects, uses


class _FromSources(SphinxDirective):
    def root(self, table: str) -> Path:
        """The project's folder; the page is read again when its table's sources change.

        The pages that a table names are no sources by themselves: see `uses`.
        """
        root = Path(self.env.app.confdir)
        uses.note(self.env, table)
        for path in [root / name for name in (*uses.SOURCES, evidence.PAGE)]:
            if path.is_file():
                self.env.note_dependency(str(path))
        for path in Path(__file__).parent.parent.glob("smartbeak_*/*.py"):
            self.env.note_dependency(str(path))
        return root


class Reference(_FromSources):
    """`{smartbeak-reference} SUBJECT`: its table, with the pages that use each entry."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The table."""
        subject = subjects.SUBJECTS.get(self.arguments[0])
        if subject is None:
            raise self.error(f"{self.arguments[0]!r} is no subject: {', '.join(subjects.SUBJECTS)}")
        root = self.root(self.arguments[0])
        book = pages.read(root)
        entries = list(subject.entries(subjects.read(root)))
        compared = any(entry.said for entry in entries)
        asked = evidence.blocks(root)
        heads = [*subject.heads, *(["Compared"] if compared else []), "Used on"]
        lines = [_row(heads), _row("---" for _ in heads)]
        for entry in entries:
            block = asked.get((subject.compared_as or self.arguments[0], entry.key), "")
            told = [_compared(block, entry.said)] if compared else []
            using = pages.using(book, entry.pattern, entry.word, prose=entry.prose)
            lines.append(_row([*entry.cells, *told, links(using)]))
        table = self.parse_text_to_nodes("\n".join(lines))
        # Sphinx itself clears, merges and keeps metadata with its page.
        self.env.metadata[self.env.docname][METADATA] = "yes"
        for cell in [each for node in table for each in node.findall(nodes.literal)]:
            if cell.astext().startswith(CHECK):
                cell.replace_self(SummaryNode(what=cell.astext(), where=self.get_location()))
        return table


def _compared(block: str, said: str) -> str:
    """The mark of the block that compares it, and what is said beside it; or why there is none."""
    if not block:
        return said if said.startswith("no") else f"no; {said}"
    return f"`{CHECK}{block}`" + (f" {said}" if not said.startswith("no") else "")


class Glossary(_FromSources):
    """`{smartbeak-glossary} platform|book`: those terms of `examples/ops/glossary.yaml`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """A glossary, so that pages can use the role `term`."""
        root = self.root(f"glossary:{self.arguments[0]}")
        book = pages.read(root)
        parts = uses.glossary(root)
        if self.arguments[0] not in parts:
            raise self.error(
                f"{self.arguments[0]!r} is no part of {uses.GLOSSARY}: {', '.join(parts)}"
            )
        terms = parts[self.arguments[0]]
        lines = ["```{glossary}"]
        for name, about in sorted(terms.items(), key=lambda term: term[0].lower()):
            using = tuple(page for page in book if uses.says(page, name, about.get("also", ())))
            lines += [name, f"  {about['text']} Read more: {about['at']}.", ""]
            lines += [f"  Used on: {links(using)}", ""] if using else []
        return self.parse_text_to_nodes("\n".join([*lines, "```"]))


def links(using: Iterable[pages.Page]) -> str:
    """Links to pages, or a dash."""
    return ", ".join(f"[{page.title}](/{page.docname}.md)" for page in using) or "–"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
