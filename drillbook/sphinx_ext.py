"""The Sphinx front: reads the pages' snippets, writes the plan, shows what is wrong.

Nothing is run here. What a page holds is taken from its doctree as it is read and
kept as domain data, so an unchanged page costs nothing when the plan is made.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any, ClassVar, cast

from docutils import nodes
from pygments.lexers import find_lexer_class_by_name
from pygments.util import ClassNotFound
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.builders.dummy import DummyBuilder
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.builders.singlehtml import SingleFileHTMLBuilder
from sphinx.config import Config
from sphinx.domains import Domain
from sphinx.environment import BuildEnvironment
from sphinx.errors import SphinxError
from sphinx.highlighting import PygmentsBridge, lexer_classes
from sphinx.util import logging
from sphinx.util.typing import ExtensionMetadata

from drillbook import __version__, clock, consistency, digests, plan
from drillbook.drills import kit
from drillbook.errors import HarnessError, PageError, Where
from drillbook.model import Page
from drillbook.pages import effects, encoding, extract, frontmatter, outdated, scenarios, warned
from drillbook.pages.blocks import ID
from drillbook.pages.languages import CONSOLE, LANGUAGES
from drillbook.site.directives import setup_directives
from drillbook.site.lexer import ConsoleLexer, CopyableHtmlFormatter
from drillbook.site.marks import setup_marks

logger = logging.getLogger(__name__)


_SAID_BETTER = {
    "front-matter": "Malformed YAML",
    "duplicate-name": "Duplicate explicit target name",
}
"""Codes of errors of ours, and how Sphinx's warning of the same begins."""

_READERS = (
    *("drillbook/pages/", "drillbook/inside/commandline.py", "drillbook/site/directives.py"),
    *(f"drillbook/{name}.py" for name in ("consistency", "digests", "durations", "errors")),
    *(f"drillbook/{name}.py" for name in ("model", "plan", "records", "sphinx_ext")),
)
"""The modules that decide what is kept of a page."""


class DrillbookDomain(Domain):
    """What each page holds, by docname.

    `page` is its line of the plan (a text: a thousand of them are unpickled in no
    time), `claims` what it takes for granted, `errors` what is wrong with it.
    """

    name = "drillbook"
    label = "Drillbook"
    initial_data: ClassVar[dict[str, Any]] = {"pages": {}, outdated.KEY: {}, warned.KEY: {}}
    data_version = 3

    @property
    def pages(self) -> dict[str, plan.Json]:
        """Each page's own data."""
        return cast("dict[str, plan.Json]", self.data["pages"])

    def clear_doc(self, docname: str) -> None:
        """Forgets a page that is read again or gone."""
        self.pages.pop(docname, None)
        self.data[outdated.KEY].pop(docname, None)
        self.data[warned.KEY].pop(docname, None)

    def merge_domaindata(self, docnames: Set[str], otherdata: dict[str, Any]) -> None:
        """Takes over what another reading process found."""
        for docname in docnames:
            for key in ("pages", outdated.KEY):
                if docname in otherdata[key]:
                    self.data[key][docname] = otherdata[key][docname]

    def resolve_any_xref(self, *args: Any, **options: Any) -> list[Any]:
        """Finds nothing: snippets are linked by their `:name:`, a label of Sphinx's own."""
        return []


def _domain(env: BuildEnvironment) -> DrillbookDomain:
    return cast("DrillbookDomain", env.get_domain("drillbook"))


def read_page(app: Sphinx, document: nodes.document) -> None:
    """Takes a page's snippets from its doctree, on `doctree-read`."""
    env = app.env
    docname = env.current_document.docname
    outdated.note(env, docname)
    root = Path(app.confdir)
    source = Path(env.doc2path(docname))
    path = _relative(source, root)
    front, lines, errors = frontmatter.read(encoding.text_of(source), path)
    # Of front matter that cannot be read, what it lacks is not known.
    unread = bool(errors) and not front.given
    others = [Path(app.srcdir, name) for name in sorted(env.dependencies.get(docname, ()))]
    found = extract.Extractor(
        root,
        source,
        others=others,
        known_language=_known_language,
        operator=app.config.drillbook_operator,
    ).read(document)
    errors += found.errors
    errors += scenarios.check(found, app.config.drillbook_tools)
    if (found.blocks or found.drills) and not unread:
        errors += frontmatter.missing(front, path)
    if not (found.blocks or found.drills or front.given or errors):
        return
    page = Page(
        docname=docname,
        path=path,
        owner=front.owner,
        review_cycle=front.review_cycle,
        last_reviewed=front.last_reviewed,
        stack=front.stack,
        # The scenarios of a page that is wrong are never run.
        scenarios=() if errors else scenarios.make(docname, found, front.stack),
    )
    for block in found.blocks:
        block.node[ID] = f"{docname}#{block.name}"
    for head in found.drills:
        head.node[ID] = f"{docname}#{head.name}"
    _domain(env).pages[docname] = {
        "page": plan.text_of(page),
        "claims": consistency.Claims(
            stack=front.stack,
            stack_where=Where(path, lines.get("stack", 1)),
            hosts=tuple(dict.fromkeys(scenarios.hosts(found))),
            drills=tuple(
                (name, head.where) for head in found.drills for name in head.options.stack
            ),
            faults=tuple(
                (
                    head.options.fault,
                    head.fault_where,
                    head.options.stack,
                    tuple(
                        block.name
                        for block in found.blocks
                        if block.drill == head.name and not block.options.skip
                    ),
                )
                for head in found.drills
            ),
            skips=tuple(
                (block.options.until, block.at("until"))
                for block in found.blocks
                if block.options.until and block.options.skip
            ),
            fixes=tuple(
                (number, block.at("needs-fix"))
                for block in found.blocks
                for number in block.options.needs_fix
            ),
        ),
        "errors": [plan.error_entry(error) for error in errors],
    }


def _known_language(language: str) -> bool:
    if language in lexer_classes:
        return True
    try:
        find_lexer_class_by_name(language)
    except ClassNotFound:
        return False
    return True


def _relative(path: Path, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()


def page_errors(env: BuildEnvironment, root: Path) -> list[PageError]:
    """Everything wrong with the pages as of today, in the order of pages and lines."""
    if broken := consistency.trouble(root):
        pages = (data["errors"] for data in _domain(env).pages.values())
        return sorted([broken, *(plan.error_of(e) for each in pages for e in each)], key=_place)
    book = consistency.stack_of(root)
    mended = consistency.defects(book)
    today = clock.today()
    found: list[PageError] = []
    try:
        brought = kit.load(book)
    except HarnessError as error:
        found.append(PageError(error.code, error.message, where=error.where, hint=error.hint))
        brought = kit.Kit()
    for _, data in sorted(_domain(env).pages.items()):
        found += [plan.error_of(entry) for entry in data["errors"]]
        found += consistency.check(data["claims"], book, brought, today, mended)
    return sorted(found, key=_place)


def all_errors(env: BuildEnvironment, root: Path) -> list[PageError]:
    """What `page_errors` gives, and what Sphinx warned about.

    A page that Sphinx warns about is read again each time, so a builder that only shows
    errors hears it from Sphinx itself.
    """
    found = page_errors(env, root)
    told = {(error.where.path, error.code) for error in found if error.where}
    warnings = [
        error
        for error in warned.errors(env, root)
        if error.where
        and not any(
            (error.where.path, code) in told and error.message.startswith(said)
            for code, said in _SAID_BETTER.items()
        )
    ]
    return sorted([*found, *warnings], key=_place)


def _place(error: PageError) -> tuple[str, int]:
    where = error.where or Where("")
    return where.path, where.line


def show_errors(app: Sphinx, env: BuildEnvironment) -> None:
    """Says what is wrong with the pages in every build, on `env-updated`.

    Also for a page that was read in an earlier build: it is not right because it is old.
    """
    for error in page_errors(env, Path(app.confdir)):
        _warn(error, Path(app.confdir))


def _warn(error: PageError, root: Path) -> None:
    where = error.where or Where("")
    logger.warning(
        f"{error.code}: {error.message}" + (f"\n  hint: {error.hint}" if error.hint else ""),
        type="drillbook",
        subtype=error.code,
        location=f"{root / where.path}:{where.line or ''}",
    )


def rewrite_stale(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Pages whose doctree is newer than their HTML, on `env-updated`.

    Another builder read them again in the meantime, so for Sphinx nothing has
    changed; a page's own date says nothing about what it includes.
    """
    builder = app.builder
    if not isinstance(builder, StandaloneHTMLBuilder) or isinstance(builder, SingleFileHTMLBuilder):
        return []
    return sorted(
        docname
        for docname in env.found_docs
        if _age(app.doctreedir / f"{docname}.doctree")
        > _age(Path(builder.get_output_path(docname)))
    )


def _age(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def check_rendered(app: Sphinx, document: nodes.document, docname: str) -> None:
    """Says so when a builder is about to show a block that was never planned."""
    for error in lost_blocks(app.env, Path(app.confdir), document, docname):
        _warn(error, Path(app.confdir))


def lost_blocks(
    env: BuildEnvironment, root: Path, document: nodes.document, docname: str
) -> Iterator[PageError]:
    """Holds a final doctree against the plan: rendered = run + skipped with a reason."""
    # A builder of single files puts the other pages into the first one's doctree.
    shown = [docname, *(part["docname"] for part in document.findall(addnodes.start_of_file))]
    pages = [data for name in shown if (data := _domain(env).pages.get(name))]
    if any(data.get("errors") for data in pages):
        return
    rendered = [
        block.get(ID, "")
        for block in document.findall(nodes.literal_block)
        if block.get("language") in LANGUAGES
    ]
    scenes = [scene for data in pages for scene in plan.page_of(data["page"]).scenarios]
    planned = {snippet.id for scene in scenes for snippet in scene.snippets}
    path = _relative(Path(env.doc2path(docname)), root)
    if set(rendered) != planned or len(rendered) != len(planned):
        lost = sorted((set(rendered) ^ planned) - {""}) or ["a block without a name"]
        yield PageError(
            "lost-block",
            f"The page shows {len(rendered)} executable blocks and the plan has "
            f"{len(planned)}; they differ in {', '.join(lost)}.",
            where=Where(path),
            hint="An extension has added or removed blocks after the page was read.",
        )


class PlanBuilder(DummyBuilder):
    """Reads what has changed; the plan is written when the build has finished."""

    name = "plan"
    epilog = "The plan is %(outdir)s/plan.json."

    inputs: Mapping[str, str]
    """Digests from before anything was read: what changes meanwhile is stale."""

    lost: list[PageError]
    """Where doctrees and plan differ."""

    def get_outdated_docs(self) -> set[str]:
        """None: only what was read again needs looking at."""
        return set()

    def write_documents(self, docnames: Set[str]) -> None:
        """Holds the doctrees that other builders will render against the plan."""
        root = Path(self.confdir)
        for docname in sorted(docnames):
            lost = list(lost_blocks(self.env, root, self.env.get_doctree(docname), docname))
            if lost:
                # Read it again next time: it is not right because it was seen before.
                Path(self.doctreedir, f"{docname}.doctree").unlink()
            self.lost += lost


def refuse_undecodable(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Stops before Sphinx breaks on a page that is not UTF-8, on `env-before-read-docs`."""
    root = Path(app.confdir)
    sources = [Path(env.doc2path(docname)) for docname in sorted(docnames)]
    found = [encoding.error_in(source, _relative(source, root)) for source in sources]
    errors = [error for error in found if error is not None]
    if not errors:
        return
    if isinstance(app.builder, PlanBuilder):
        plan.write_errors(errors, Path(app.outdir, plan.ERRORS_FILE))
    raise SphinxError("\n".join(str(error) for error in errors))


def begin_plan(app: Sphinx) -> None:
    """Takes the digests of all that a plan is made from, on `builder-inited`."""
    if isinstance(app.builder, PlanBuilder):
        app.builder.inputs = plan.inputs(Path(app.confdir))
        app.builder.lost = []


def finish_plan(app: Sphinx, exception: Exception | None) -> None:
    """Writes the plan, or what is wrong with the pages, on `build-finished`."""
    builder = app.builder
    if exception is not None or not isinstance(builder, PlanBuilder):
        return
    target = Path(app.outdir, "plan.json")
    errors_file = target.with_name(plan.ERRORS_FILE)
    errors = [*all_errors(app.env, Path(app.confdir)), *builder.lost]
    if errors:
        for error in builder.lost:
            _warn(error, Path(app.confdir))
        plan.write_errors(errors, errors_file)
        logger.error("no plan: errors in the pages: %d", len(errors), type="drillbook")
        app.statuscode = 1
        return
    errors_file.unlink(missing_ok=True)
    plan.write_texts(_pages(app.env, builder.inputs), _all_inputs(app, builder.inputs), target)


def _pages(env: BuildEnvironment, inputs: Mapping[str, str]) -> Iterator[str]:
    world = digests.world_of(inputs)
    for _, data in sorted(_domain(env).pages.items()):
        yield plan.in_world(data["page"], world)


def _all_inputs(app: Sphinx, inputs: Mapping[str, str]) -> dict[str, str]:
    """The inputs together with what the pages include."""
    found = dict(inputs)
    for name in sorted({name for names in app.env.dependencies.values() for name in names}):
        path = Path(os.path.normpath(Path(app.srcdir, name)))
        key = _relative(path, Path(app.confdir))
        if key not in found and path.is_file():
            found[key] = digests.of_file(path)
    return found


def read_stack(app: Sphinx, config: Config) -> None:
    """Takes from the stack what reading a page depends on, on `config-inited`.

    These settings are not for a book to write: when they change all pages are read again.
    """
    book = consistency.stack_of(Path(app.confdir))
    config["drillbook_operator"] = book.operator
    config["drillbook_tools"] = effects.Tools(book.effects, book.script_effects)


def _reading_version() -> int:
    """A number that changes with what reads a page, so that it is read again then."""
    files = digests.engine_files()
    readers = {path: files[path] for path in files if path.startswith(_READERS)}
    return int(digests.of_files(readers)[:12], 16)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers the front with Sphinx."""
    setup_directives(app)
    app.add_lexer(CONSOLE.name, ConsoleLexer)
    PygmentsBridge.html_formatter = CopyableHtmlFormatter
    app.add_domain(DrillbookDomain)
    app.add_builder(PlanBuilder)
    app.add_config_value("drillbook_operator", "", "env", types=[str])
    app.add_config_value("drillbook_tools", effects.NONE, "env", types=[effects.Tools])
    app.connect("config-inited", read_stack)
    app.connect("env-get-outdated", outdated.changed)
    app.connect("env-before-read-docs", refuse_undecodable)
    app.connect("env-before-read-docs", warned.listen)
    app.connect("env-updated", warned.keep, priority=100)
    app.connect("doctree-read", read_page)
    app.connect("env-updated", show_errors)
    app.connect("env-updated", rewrite_stale)
    app.connect("doctree-resolved", check_rendered)
    app.connect("builder-inited", begin_plan)
    app.connect("build-finished", finish_plan)
    setup_marks(app)
    return {
        "version": __version__,
        "env_version": _reading_version(),
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
