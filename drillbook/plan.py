"""The plan: what can be run, in order, and the digests of all it was made from."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from drillbook import clock, digests, files, records
from drillbook.errors import HarnessError, PageError, Where
from drillbook.model import Drill, Options, Page, Plan, Scenario, Snippet
from drillbook.pages import languages
from drillbook.records import ShapeError

VERSION = 1
FILE = "build/plan.json"
ERRORS_FILE = "plan-errors.json"
"""Beside the plan: what was wrong with the pages when it was last made."""

_SOURCES = "source"
_PAGES = (".md", ".rst")
_DEFAULTS = records.plain(Options())
_BUILD_TIMEOUT_S = 1800.0
_KEPT = ("PATH", "HOME", "TMPDIR", "XDG_CACHE_HOME")
"""What a plan is made with of the caller's environment."""

Json = dict[str, Any]


class InvalidPages(PageError):
    """The pages are wrong, in all the places that are listed."""

    def __init__(self, errors: Sequence[PageError]) -> None:
        """Takes everything that is wrong, in the order to show it."""
        self.errors = tuple(errors)
        count = len(self.errors)
        super().__init__("invalid-pages", f"{count} error{'s' if count > 1 else ''} in the pages")

    def __str__(self) -> str:
        """Every error, one after the other."""
        return "\n".join(str(error) for error in self.errors)


def build(root: Path) -> Plan:
    """The current plan, made anew by Sphinx if anything it was made from has changed.

    Raises:
        InvalidPages: The pages are wrong.
        HarnessError: `plan-failed` when Sphinx itself fails, `bad-stack` when the stack's
            definition cannot be read.
    """
    target = root / FILE
    # Sphinx shares its doctrees badly: one process at a time makes the plan.
    with files.locked(target.with_name("plan.lock")):
        plan = load_current(root)
        if plan is None:
            # Here, since it brings YAML along, which a plan that is read does without.
            from drillbook.sandboxes import stack

            if (root / stack.COMPOSE_FILE).exists():
                # No page is wrong because of it.
                stack.load(root)
        return plan if plan is not None else _build(root, target)


def _build(root: Path, target: Path) -> Plan:
    errors = target.with_name(ERRORS_FILE)
    errors.unlink(missing_ok=True)
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "plan", "-c", str(root)]
    command += ["-d", str(target.parent / "doctrees"), str(root / _SOURCES), str(target.parent)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_BUILD_TIMEOUT_S,
            env=_environment(),
        )
    except subprocess.TimeoutExpired as error:
        raise HarnessError(
            "plan-failed", f"Sphinx has not read the pages in {_BUILD_TIMEOUT_S:.0f} s."
        ) from error
    if done.returncode and errors.exists():
        raise InvalidPages(read_errors(errors))
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise HarnessError(
            "plan-failed",
            f"Sphinx ended with status {done.returncode}:\n{last}",
            hint="Run `python -m sphinx -b plan -c . -d build/doctrees source build`.",
        )
    return read(target)


def _environment() -> dict[str, str]:
    """An environment of its own: the caller's language and settings decide nothing of a plan."""
    here = str(digests.PACKAGE.parent)
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **{name: os.environ[name] for name in _KEPT if name in os.environ},
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUTF8": "1",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }


def load_current(root: Path) -> Plan | None:
    """The plan, if it is there and nothing it was made from has changed.

    Neither has any page been added or taken away, and no skip has run out. Sphinx is
    not started.
    """
    try:
        plan = read(root / FILE)
    except HarnessError:
        return None
    if dict(plan.inputs) != inputs(root, plan.inputs):
        return None
    today = clock.today().isoformat()
    snippets = (each for page in plan.pages for one in page.scenarios for each in one.snippets)
    if any(snippet.options.until and snippet.options.until < today for snippet in snippets):
        return None
    return plan


def inputs(root: Path, others: Iterable[str] = ()) -> dict[str, str]:
    """Digest of everything a plan is made from, by path relative to the project.

    Args:
        root: The project's folder.
        others: Further paths, e.g. of included files; those that are no page,
            stack or engine file are read as well.
    """
    found = digests.stack_files(root) | digests.engine_files()
    for path in digests.files_under(root / _SOURCES):
        if path.suffix in _PAGES:
            found[path.relative_to(root).as_posix()] = digests.of_file(path)
    for name in ("conf.py", *others):
        # A path of the lists above that is not there any more stays missing.
        if name not in found and not name.startswith("drillbook/"):
            path = root / name
            if path.is_file():
                found[name] = digests.of_file(path)
    return found


def read(path: Path) -> Plan:
    """Reads a plan.

    Raises:
        HarnessError: `unreadable-plan` when the file is absent, truncated or no plan.
    """
    try:
        data = json.loads(path.read_bytes())
        if data["version"] != VERSION:
            raise ValueError(f"its version is {data['version']}, not {VERSION}")
        known: dict[str, Options] = {}
        pages = tuple(_page(entry, known) for entry in data["pages"])
        return Plan(data["version"], data["inputs"], pages)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ShapeError) as error:
        raise HarnessError(
            "unreadable-plan",
            f"The plan cannot be read: {type(error).__name__}: {error}.",
            where=Where(str(path)),
            hint="Make it anew: drillbook plan",
        ) from error


def write(plan: Plan, path: Path) -> None:
    """Writes a plan; a reader sees the old one or the whole new one."""
    write_texts([text_of(page) for page in plan.pages], plan.inputs, path)


def write_texts(pages: Iterable[str], inputs: Mapping[str, str], path: Path) -> None:
    """Writes a plan whose pages are given as `text_of` makes them."""
    # A page to a line: a change shows as the page it is in.
    joined = ",\n".join(pages)
    head = f'{{"version": {VERSION},\n"inputs": {json.dumps(dict(sorted(inputs.items())))},\n'
    files.replace(path, f'{head}"pages": [\n{joined}\n]}}\n')


def write_errors(errors: Iterable[PageError], path: Path) -> None:
    """Writes what is wrong with the pages, for the process that asked for the plan."""
    files.replace(path, json.dumps([error_entry(error) for error in errors], indent=1))


def read_errors(path: Path) -> list[PageError]:
    """Reads what `write_errors` wrote."""
    return [error_of(entry) for entry in json.loads(path.read_bytes())]


def error_entry(error: PageError) -> Json:
    """An error as JSON."""
    where = error.where or Where("")
    return {
        "code": error.code,
        "message": error.message,
        "path": where.path,
        "line": where.line,
        "hint": error.hint,
    }


def error_of(entry: Json) -> PageError:
    """The error that `error_entry` wrote."""
    where = Where(entry["path"], entry["line"]) if entry["path"] else None
    return PageError(entry["code"], entry["message"], where=where, hint=entry["hint"])


def text_of(page: Page) -> str:
    """A page as a line of JSON."""
    return json.dumps(_page_entry(page), ensure_ascii=False)


def in_world(text: str, world: str) -> str:
    """The line of a page, its snippets' digests now covering what all of them share.

    Args:
        text: What `text_of` made, with digests as `digests.chain` gives them.
        world: What `digests.world` gives.
    """

    # Inside a JSON string the quotes would be escaped, so only the keys match.
    def covered(match: re.Match[str]) -> str:
        return f'"digest": "{digests.in_world(match[1], world)}"'

    return re.sub(r'"digest": "([0-9a-f]+)"', covered, text)


def page_of(text: str) -> Page:
    """The page that `text_of` wrote."""
    return _page(json.loads(text), {})


def _page_entry(page: Page) -> Json:
    return {
        "docname": page.docname,
        "path": page.path,
        "owner": page.owner,
        "review_cycle": page.review_cycle,
        "last_reviewed": page.last_reviewed,
        "stack": list(page.stack),
        "scenarios": [_scenario_entry(scenario) for scenario in page.scenarios],
    }


def _scenario_entry(scenario: Scenario) -> Json:
    drill = scenario.drill
    return {
        "id": scenario.id,
        "kind": scenario.kind,
        "title": scenario.title,
        "drill": drill.name if drill else "",
        "fault": drill.fault if drill else "",
        "rto_s": drill.rto_s if drill else None,
        "people_s": drill.people_s if drill else None,
        "rpo": drill.rpo_s if drill else None,
        "services": list(scenario.services),
        "line": drill.line if drill else 0,
        "prefix": scenario.prefix,
        "snippets": [_snippet_entry(snippet) for snippet in scenario.snippets],
    }


def _snippet_entry(snippet: Snippet) -> Json:
    expected: list[list[str]] = []
    if languages.of(snippet).prompts:
        expected = [list(command.expected) for command in languages.commands(snippet)]
    given = records.plain(snippet.options)
    return {
        "id": snippet.id,
        "name": snippet.name,
        "language": snippet.language,
        "on": snippet.options.on,
        "path": snippet.path,
        "line": snippet.line,
        "text": snippet.text,
        "expected": expected,
        "options": {name: value for name, value in given.items() if value != _DEFAULTS[name]},
        "digest": snippet.digest,
    }


def _page(entry: Json | str, known: dict[str, Options]) -> Page:
    entry = json.loads(entry) if isinstance(entry, str) else entry
    return Page(
        docname=entry["docname"],
        path=entry["path"],
        owner=entry["owner"],
        review_cycle=entry["review_cycle"],
        last_reviewed=entry["last_reviewed"],
        stack=tuple(entry["stack"]),
        scenarios=tuple(_scenario(each, known) for each in entry["scenarios"]),
    )


def _scenario(entry: Json, known: dict[str, Options]) -> Scenario:
    drill = None
    if entry["drill"]:
        drill = Drill(
            name=entry["drill"],
            fault=entry["fault"],
            rto_s=entry["rto_s"],
            people_s=entry["people_s"],
            rpo_s=entry["rpo"],
            line=entry["line"],
        )
    return Scenario(
        id=entry["id"],
        kind=entry["kind"],
        title=entry["title"],
        snippets=tuple(_snippet(each, known) for each in entry["snippets"]),
        prefix=entry["prefix"],
        drill=drill,
        services=tuple(entry["services"]),
    )


def _snippet(entry: Json, known: dict[str, Options]) -> Snippet:
    # Most snippets of a book share their options, and making them is what takes time.
    key = repr(entry["options"])
    options = known.get(key)
    if options is None:
        options = known[key] = records.record(Options, entry["options"], "the options")
    return Snippet(
        entry["id"],
        entry["name"],
        entry["language"],
        entry["path"],
        entry["line"],
        entry["text"],
        options,
        entry["digest"],
    )
