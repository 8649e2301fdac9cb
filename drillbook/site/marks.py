"""Shows what is known of a book's blocks: marks, drill panels, page lines, tables.

Everything here happens while pages are written: reports change what is written,
never what was read, so new results cost no reading. A page is written again when
what it shows has changed; what each output folder shows is kept in that folder.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from docutils import nodes
from sphinx import addnodes
from sphinx.util import logging
from sphinx.util.osutil import relative_uri

from drillbook import clock, consistency, digests, plan, report
from drillbook.model import Page, Plan, Report, Snippet
from drillbook.pages.blocks import ID, DrillNode
from drillbook.pages.languages import LANGUAGES
from drillbook.site import evidence_pages, panels, symptoms, tables
from drillbook.site.checks import CHECK
from drillbook.site.summaries import METADATA, SummaryNode, setup_summaries
from drillbook.site.triage import BRANCH, PRINTED
from drillbook.verification import (
    DrillVerification,
    Run,
    Verification,
    verify,
    verify_drills,
)

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment
    from sphinx.util.typing import ExtensionMetadata

logger = logging.getLogger(__name__)

PlanOf = Callable[["Sphinx"], Plan]
"""The plan of the pages as they were read just now."""

_WRITTEN = ".drillbook-marks.json"


@dataclass(slots=True)
class Known:
    """What is known of the book in this build, ready to be shown."""

    plan: Plan
    snippets: Mapping[str, Snippet] = field(default_factory=dict)
    pages: Mapping[str, Page] = field(default_factory=dict)
    verifications: Mapping[str, Verification] = field(default_factory=dict)
    drills: Mapping[str, DrillVerification] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict)
    """Service user to say beside a host."""

    evidence: set[str] = field(default_factory=set)
    """Evidence files that a mark of this build may link to."""


class Marks:
    """The marks of one Sphinx application."""

    def __init__(self, plan_of: PlanOf) -> None:
        self._plan_of = plan_of
        self._known: Known | None = None
        self._written: dict[str, str] = {}

    def on_env_updated(self, app: Sphinx, env: BuildEnvironment) -> list[str]:
        """Takes in plan and reports; returns the pages whose marks are not as written."""
        if app.builder.format != "html":
            return []
        build = _build_folder(app)
        self._known = known = learn(self._plan_of(app), report.read_all(build))
        known.evidence = _there(known, build / "evidence")
        services = consistency.stack_of(Path(app.confdir)).services
        known.users = {name: each.shown_as for name, each in services.items()}
        self._written = {docname: self._fingerprint(docname, env) for docname in env.found_docs}
        before = _read_written(Path(app.outdir))
        return [name for name, digest in self._written.items() if before.get(name) != digest]

    def on_doctree_resolved(self, app: Sphinx, doctree: nodes.document, docname: str) -> None:
        """Puts the marks into a page that is about to be written."""
        known = self._known if app.builder.format == "html" else None
        if known is None:
            for node in [*doctree.findall(DrillNode), *doctree.findall(SummaryNode)]:
                cast("nodes.Element", node).replace_self([])
            return
        view = _View(app, known, docname)
        seen: set[str] = set()
        for block in list(doctree.findall(nodes.literal_block)):
            if block.get("language") in LANGUAGES:
                id_ = str(block.get(ID, ""))
                _surround(block, view, id_, first=id_ not in seen)
                seen.add(id_)
        for node in list(doctree.findall(DrillNode)):
            drill = known.drills.get(_scenario_of(node, docname))
            shown = [_html(view.drill(drill))] if drill else []
            node.replace_self(shown)
        for summary in list(doctree.findall(SummaryNode)):
            view.check(summary)
            summary.replace_self(_html(view.summary(summary["what"])))
        _page_lines(doctree, docname, view)

    def on_build_finished(self, app: Sphinx, exception: Exception | None) -> None:
        """Writes the evidence pages and notes what this output folder shows."""
        if exception is not None or self._known is None:
            return
        source = _build_folder(app) / "evidence"
        target, own = Path(app.outdir) / "evidence", app.config.html_favicon
        icon = f"_static/{Path(own).name}" if own else ""
        evidence_pages.write_all(source, target, self._known.evidence, icon)
        text = json.dumps(self._written, indent=0, sort_keys=True)
        Path(app.outdir, _WRITTEN).write_text(text, encoding="utf-8")

    def _fingerprint(self, docname: str, env: BuildEnvironment) -> str:
        """Digest of all that reports contribute to a page."""
        assert self._known is not None
        known, page = self._known, self._known.pages.get(docname)
        shown: list[object] = []
        if page:
            ids = dict.fromkeys(s.id for scenario in page.scenarios for s in scenario.snippets)
            shown += [page, [known.verifications[id_] for id_ in ids]]
            shown += [drill for drill in known.drills.values() if drill.docname == docname]
        if METADATA in env.metadata.get(docname, {}):
            shown += [known.verifications, known.drills]
        return hashlib.sha256(repr(shown).encode()).hexdigest()[:16] if shown else ""


def learn(plan: Plan, reports: Sequence[Report]) -> Known:
    """What plan and reports say together."""
    today = clock.today()
    snippets = {
        snippet.id: snippet
        for page in plan.pages
        for scenario in page.scenarios
        for snippet in scenario.snippets
    }
    return Known(
        plan,
        snippets,
        {page.docname: page for page in plan.pages},
        verify(plan, reports, today),
        verify_drills(plan, reports, today),
    )


class _View:
    """Addresses and texts as seen from one page of one builder."""

    def __init__(self, app: Sphinx, known: Known, docname: str) -> None:
        self._app = app
        self._known = known
        self._docname = docname
        self._single = app.builder.name == "singlehtml"
        self._base = app.builder.get_target_uri(docname)

    def anchor(self, kind: str, id_: str) -> str:
        """The HTML id of a snippet or drill; in a single file it names the page too."""
        page, _, name = id_.partition("#")
        return f"{kind}-{_slug(page)}-{name}" if self._single else f"{kind}-{name}"

    def evidence(self, file: str) -> str:
        """Address of an evidence page, empty without one.

        A single file has none: it is read without the folder around it.
        """
        if self._single or file not in self._known.evidence:
            return ""
        return relative_uri(self._base, f"evidence/{evidence_pages.page_of(file)}")

    def head(self, id_: str, *, damage: bool) -> str:
        snippet = self._known.snippets.get(id_)
        if snippet is None:
            return ""
        docname = id_.partition("#")[0]
        target = f"{docname}#{snippet.options.undo}"
        undo = f"#{self.anchor('snippet', target)}" if target in self._known.snippets else ""
        return panels.head(snippet, self._known.users.get(snippet.on, ""), undo, damage=damage)

    def shown_only(self, id_: str) -> bool:
        """Whether a block only shows that something is refused."""
        snippet = self._known.snippets.get(id_)
        return snippet is not None and bool(snippet.options.refusal_of)

    def verification(self, id_: str) -> Verification:
        found = self._known.verifications.get(id_)
        if found is None:
            reason = "the page has errors, so nothing on it is run"
            found = Verification(id_, "not-run", reason, (), 0)
        return found

    def mark(self, id_: str) -> str:
        return panels.mark(self.verification(id_), self.evidence)

    def drill(self, drill: DrillVerification) -> str:
        return panels.drill_panel(drill, self.evidence, self.anchor("drill", drill.id))

    def page_line(self, docname: str) -> str:
        page = self._known.pages.get(docname) or _page_of(self._app.env, docname)
        return panels.page_line(page, self._known.verifications, self._known.drills)

    def check(self, node: nodes.Element) -> None:
        """Says so when a row names a block that no page has."""
        what = str(node["what"])
        if what.startswith(CHECK) and what.removeprefix(CHECK) not in self._known.snippets:
            logger.warning(
                "unknown-check: no page has the block %r",
                what.removeprefix(CHECK),
                location=node.get("where"),
                type="drillbook",
                subtype="unknown-check",
            )

    def summary(self, what: str) -> str:
        known = self._known
        if what.startswith(CHECK):
            id_ = what.removeprefix(CHECK)
            return tables.check_cell(id_, self.verification(id_), self._to("snippet", id_))
        if what == "catalogue":
            return tables.catalogue(
                known.drills.values(), lambda id_: self._to("drill", id_), self._to_page
            )
        if what == "drills":
            return tables.drill_table(known.drills.values(), lambda id_: self._to("drill", id_))
        if what.startswith(PRINTED):
            id_ = self._prints(what.removeprefix(PRINTED))
            if not id_:
                return tables.branch_cell([])
            return tables.check_cell(id_, self.verification(id_), self._to("snippet", id_))
        if what.startswith(BRANCH):
            docname = what.removeprefix(BRANCH)
            return tables.branch_cell(
                [drill for drill in known.drills.values() if drill.docname == docname]
            )
        titles = {name: title.astext() for name, title in self._app.env.titles.items()}
        if what == "symptoms":
            trees = Path(consistency.stack_of(Path(self._app.confdir)).triage)
            found = symptoms.of(known.plan.pages, trees)
            return tables.symptom_tables(
                symptoms.of_runbooks(found, self._app.env.found_docs),
                known.drills.values(),
                titles,
                self._to_page,
            )
        if what == "glance":
            return tables.glance(known.drills.values(), known.verifications, titles, self._to_page)
        return tables.page_table(known.plan.pages, known.verifications, titles, self._to_page)

    def _prints(self, words: str) -> str:
        """Id of the first block that must print a line that begins so; empty if none must."""
        line = re.compile(rf"(?m)^{re.escape(words)}(?![\w-])")
        return next(
            (
                snippet.id
                for snippet in self._known.snippets.values()
                if LANGUAGES[snippet.language].prompts and line.search(snippet.text)
            ),
            "",
        )

    def _to(self, kind: str, id_: str) -> str:
        page = id_.partition("#")[0]
        to = "" if self._single else self._to_page(page)
        return f"{to}#{self.anchor(kind, id_)}"

    def _to_page(self, docname: str) -> str:
        return str(self._app.builder.get_relative_uri(self._docname, docname))


def plan_of_pages(app: Sphinx) -> Plan:
    """The plan of the pages as this build has read them.

    Not the plan file's: a page changed since would keep the mark of its former text.
    """
    root = Path(app.confdir)
    world = digests.world(digests.stack_files(root), digests.engine_files())
    pages = []
    for _, data in sorted(app.env.domains["drillbook"].data["pages"].items()):
        page = plan._page(data["page"], {})
        scenarios = tuple(
            replace(
                scenario,
                snippets=tuple(
                    replace(snippet, digest=digests.in_world(snippet.digest, world))
                    for snippet in scenario.snippets
                ),
            )
            for scenario in page.scenarios
        )
        pages.append(replace(page, scenarios=scenarios))
    return Plan(plan.VERSION, {}, tuple(pages))


def setup_marks(app: Sphinx, plan_of: PlanOf = plan_of_pages) -> ExtensionMetadata:
    """Connects the marks to a Sphinx application.

    Args:
        app: The application.
        plan_of: Gives the plan of the pages just read.
    """
    marks = Marks(plan_of)
    app.add_config_value("drillbook_build", "build", "", str)
    setup_summaries(app)
    app.connect("env-updated", marks.on_env_updated)
    # After everything that resolves references: it works on the finished page.
    app.connect("doctree-resolved", marks.on_doctree_resolved, priority=900)
    app.connect("build-finished", marks.on_build_finished)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _build_folder(app: Sphinx) -> Path:
    return Path(app.confdir, app.config.drillbook_build)


def _there(known: Known, folder: Path) -> set[str]:
    """The evidence files that marks name and that exist; a warning counts the others."""
    runs: list[Run] = []
    for found in known.verifications.values():
        runs += found.runs
    for drill in known.drills.values():
        runs += drill.runs
    # A mark links to the deciding result's alone.
    named = {run.evidence[0] for run in runs if run.evidence}
    there = {file for file in named if (folder / file).is_file()}
    if len(there) < len(named):
        logger.warning(
            "missing-evidence: %d of %d evidence files that the reports name are not in %s",
            len(named) - len(there),
            len(named),
            folder.name,
            type="drillbook",
            subtype="missing-evidence",
        )
    return there


def _read_written(outdir: Path) -> Mapping[str, str]:
    try:
        found = json.loads(Path(outdir, _WRITTEN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _scenario_of(node: nodes.Element, docname: str) -> str:
    id_ = str(node.get(ID, ""))
    return id_ if "#" in id_ else f"{docname}#{id_}"


DAMAGE = "damage"
"""Class of a block that shows what does damage: nobody should copy it."""

_MOST_LINES_TOGETHER = 30
"""Lines of a block that stay on one printed page; a longer one would leave one empty."""


def _surround(block: nodes.Element, view: _View, id_: str, *, first: bool) -> None:
    """Puts the lines above and below a block, with its caption where it has one."""
    outer = block
    if isinstance(block.parent, nodes.container) and "literal-block-wrapper" in block.parent.get(
        "classes", ()
    ):
        outer = block.parent
    box = nodes.container(classes=["db-snippet", f"db-is-{view.verification(id_).state}"])
    if block.astext().count("\n") > _MOST_LINES_TOGETHER:
        box["classes"].append("db-long")
    damage = DAMAGE in block.get("classes", ())
    if view.shown_only(id_) or damage:
        box["classes"].append("db-no-copy")
    if first and id_:
        box["ids"].append(view.anchor("snippet", id_))
    outer.parent.replace(outer, box)
    box += [_html(view.head(id_, damage=damage)), outer, _html(view.mark(id_))]


def _page_lines(doctree: nodes.document, docname: str, view: _View) -> None:
    """Puts the page's line under its title; in a single file, each page's."""
    starts: Iterator[tuple[str, nodes.Element]] = (
        (str(start["docname"]), start) for start in doctree.findall(addnodes.start_of_file)
    )
    for name, start in [(docname, doctree), *starts]:
        title = start.next_node(nodes.title)
        line = view.page_line(name) if title is not None else ""
        if title is not None and line:
            title.parent.insert(title.parent.index(title) + 1, _html(line))


def _page_of(env: BuildEnvironment, docname: str) -> Page:
    """A page without blocks: it still has an owner and a day of reading."""
    data = env.metadata.get(docname, {})
    owner, cycle, reviewed = (
        str(data.get(key, "")) for key in ("owner", "review-cycle", "last-reviewed")
    )
    return Page(docname, "", owner, cycle, reviewed, (), ())


def _html(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def _slug(text: str) -> str:
    return re.sub(r"[^a-zA-Z0-9]+", "-", text)
