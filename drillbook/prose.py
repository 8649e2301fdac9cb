"""proselint and the book's own rules of style on what the pages say, with the pages' lines.

Run it as `python -m drillbook.prose`. It reads the doctrees, so code, addresses and what
a directive makes for programs are left out, and what a directive writes for readers is read.
"""

from __future__ import annotations

import pickle
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from docutils import nodes
from proselint.checks import __register__ as checks
from proselint.config import DEFAULT, Config
from proselint.registry import CheckRegistry
from proselint.tools import LintFile
from sphinx import addnodes

from drillbook import plan as plans
from drillbook.errors import DrillbookError, HarnessError
from drillbook.findings import Finding

DOCTREES = Path("build/doctrees")

LONGEST = 40
"""Words of a sentence at most. Who is tired reads one thought at a time."""

OFF = {
    "typography": "Sphinx sets quotes, dashes and dots",
    "redundancy.misc.after_the_deadline": "`point in time` is PostgreSQL's word for a restore",
    "misc.but": "a paragraph of one line may begin with the exception",
}
"""Checks of proselint, by the beginning of their names, that do not fit, with the reason."""

_TEXTS = (nodes.paragraph, nodes.title, nodes.term, nodes.caption, nodes.rubric)
_SENTENCE = re.compile(r"(?<=[.!?:;])\s+")

_CONFIG: Config = {**DEFAULT, "max_errors": 10_000}

_VERB = (
    r"(?:is|was|has|had|gets|may|can|cannot|does|did|wants|needs|only|must|asks|never|knows|takes"
    r"|reads|writes|sees|comes|looks|holds|ends|pays|types|starts|uses)"
)
_BEGIN = r"(?:^|(?<=[.!?:;])\s+)"


@dataclass(frozen=True, slots=True)
class Rule:
    """A turn of phrase that slows a reader."""

    name: str
    pattern: re.Pattern[str]
    better: str


RULES = (
    Rule(
        "who-as-subject",
        re.compile(_BEGIN + rf"Who(?:ever)? {_VERB}\b[^?:]*?[.;]"),
        "name the people: `Users who ...`, `An intruder ...`",
    ),
    Rule(
        "what-as-subject",
        re.compile(
            _BEGIN + r"What (?:is|was|has|had|it|they) (?:not |no longer |already )?[^ .,;:]+ "
            r"(?:is|are|was|were|becomes?|stands?|stays?|gets|comes?|may|can|must|will)\b"
        ),
        "name the thing: `Events that were not applied are refused`",
    ),
    Rule(
        "nothing-but",
        re.compile(r"\b(?:[Nn]othing|[Nn]obody|[Nn]one) but\b"),
        "say `only`",
    ),
)


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, title or cell as a reader sees it."""

    page: str
    """Docname."""

    line: int
    """Of the page's source, where it begins; 0 for what a directive made without one."""

    words: str
    """Inline code is one made-up word each."""


def texts(page: str, doctree: nodes.document) -> Iterator[Text]:
    """What a page says, in order."""
    for node in doctree.findall(lambda each: isinstance(each, _TEXTS)):
        words = _words(node, [0]).strip()
        links = sum(len(link.astext()) for link in node.findall(_is_link))
        # A list of links holds titles, which are read where they stand.
        if words and links < len(words) / 2:
            yield Text(page, _line(node), words)


def findings(read: Sequence[Text]) -> Iterator[Finding]:
    """What proselint and the rules say of the texts of one page."""
    for text in read:
        path = f"source/{text.page}.md"
        flat = " ".join(text.words.split())
        for rule in RULES:
            for match in rule.pattern.finditer(flat):
                said = f"“{match[0].strip()}”; {rule.better}"
                yield Finding(path, text.line, rule.name, said)
        for sentence in _SENTENCE.split(flat):
            length = len(sentence.split())
            if length > LONGEST:
                said = f"{length} words, at most {LONGEST}: “{sentence[:80]}...”"
                yield Finding(path, text.line, "long-sentence", said)
    yield from _proselint(read)


def main() -> int:
    """Reads all pages; 1 if there is a finding, 3 if it broke."""
    try:
        plans.build(Path.cwd())
    except DrillbookError as error:
        print(error, file=sys.stderr)
        return 3 if isinstance(error, HarnessError) else 1
    found: set[Finding] = set()
    pages = sorted(DOCTREES.rglob("*.doctree"))
    for path in pages:
        name = path.relative_to(DOCTREES).with_suffix("").as_posix()
        if Path(f"source/{name}.md").exists():  # else it is of a page that is gone
            found.update(findings(list(texts(name, pickle.loads(path.read_bytes())))))
    for finding in sorted(found):
        print(finding)
    print(f"prose: {len(pages)} pages")
    return 1 if found or not pages else 0


def _proselint(read: Sequence[Text]) -> Iterator[Finding]:
    if not read:
        return
    whole, begins = "", []
    for number, text in enumerate(read):
        begins.append(len(whole) + 1)  # it puts a line end before all
        # A mark between two texts: the end of one and the begin of the next are no repetition.
        whole += " ".join(text.words.split()) + f"\n\n(Mark{number})\n\n"
    if not CheckRegistry().checks:
        CheckRegistry().register_many(checks)
    for result in LintFile(read[0].page, whole).lint(_CONFIG):
        check = result.check_result
        if check.check_path.startswith(tuple(OFF)):
            continue
        at = max(n for n, begin in enumerate(begins) if begin <= max(check.span[0], begins[0]))
        text = read[at]
        yield Finding(f"source/{text.page}.md", text.line, check.check_path, check.message)


def _is_link(node: nodes.Node) -> bool:
    return isinstance(node, nodes.reference | addnodes.pending_xref)


def _words(node: nodes.Node, count: list[int]) -> str:
    if isinstance(node, nodes.Text):
        return str(node)
    if isinstance(node, nodes.literal | nodes.raw | nodes.math):
        count[0] += 1
        # With a digit at its end, "6 among" would be read as a time of day.
        return "Code" + "abcdefghijklmnopqrstuvwxyz"[count[0] % 26]
    return "".join(_words(child, count) for child in node.children)


def _line(node: nodes.Node | None) -> int:
    while node is not None:
        if getattr(node, "line", None):
            return node.line or 0
        node = node.parent
    return 0


if __name__ == "__main__":
    sys.exit(main())
