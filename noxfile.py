"""The project's tasks; `nox` alone runs every page's commands, then builds the site.

All sessions share one environment, `.nox/env`, made from requirements.lock and
made anew only when that file or the package's own metadata changes.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["doctest", "docs"]
nox.options.default_venv_backend = "none"

ROOT = Path(__file__).parent
ENVIRONMENT = ROOT / ".nox" / "env"
STAMP = ENVIRONMENT / "installed-from"
LOCK = "requirements.lock"
BUILD = ROOT / "build"
HTML = BUILD / "html"
ORGANIZATION = "cylosia"
"""Whose teams the owners of pages are, on GitHub."""

LOCKED_GROUPS = ("docs", "run", "platform", "ops", "servers", "lint", "test", "bench")

# What a run may see of the caller's environment: nothing that could point it at
# another server, account or proxy. The engine cuts off even more for the pages.
KEPT = (
    "PATH", "HOME", "USER", "LOGNAME", "TERM", "COLUMNS", "NO_COLOR", "FORCE_COLOR", "TMPDIR",
    "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "SOURCE_DATE_EPOCH", "DRILLBOOK_POSTGRESQL",
    "DRILLBOOK_REDIS", "DRILLBOOK_NODE", "NODE_EXTRA_CA_CERTS",  # npm needs the last behind a proxy
    "DOCKER_HOST", "DOCKER_CONTEXT", "CI", "GITHUB_ACTIONS", "GITHUB_SHA", "GITHUB_REF_NAME",
)  # fmt: skip

SPHINX = (
    "sphinx", "-n", "-W", "--keep-going", "-c", ".", "-d", "build/doctrees",
)  # fmt: skip


@nox.session
def doctest(session: nox.Session) -> None:
    """Run the pages' commands and drills. After --: --page, --drill, --snippet, -n 2, ..."""
    _install(session)
    _python(session, "drillbook", "run", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site; its marks say what came of the last runs, failed ones too."""
    _install(session)
    built = BUILD / "html-built-from"
    if not built.is_file() or built.read_text() != _site():
        built.unlink(missing_ok=True)
        # What is published comes from an empty folder: nothing of older pages stays.
        shutil.rmtree(HTML, ignore_errors=True)
        _python(session, *SPHINX, "-q", "-b", "html", "source", str(HTML))
        built.write_text(_site())
    site = HTML / "index.html"
    print(f"site: {site.relative_to(ROOT)}   {site.as_uri()}", flush=True)
    _python(session, "drillbook", "list", "--counts")


@nox.session
def pdf(session: nox.Session) -> None:
    """Print the book, and each runbook alone, into build/pdf."""
    _install(session)
    _python(session, "drillbook.site.pdf", "--check")
    single = BUILD / "singlehtml"
    shutil.rmtree(single, ignore_errors=True)
    _python(session, *SPHINX, "-q", "-b", "singlehtml", "source", str(single))
    _python(session, "drillbook.site.pdf", "--site", str(HTML), *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the engine's tests, several at once. After --: what pytest takes, such as -n 0."""
    _install(session)
    # Which tests stay together says tests/sharing.py.
    _python(session, "pytest", "-n", "auto", "--dist", "loadscope", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check code, pages and settings without running any page."""
    _install(session)
    checks: list[tuple[str, ...]] = [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
        ("codespell_lib",),
        ("yamllint", "--strict", "--config-data", _YAMLLINT, *_files(".yml", ".yaml")),
    ]
    workflows = _files(".yml", under=".github/workflows")
    if workflows:
        checks.append(("check_jsonschema", "--builtin-schema", "github-workflows", *workflows))
    stack = "examples/compose.yaml"
    if (ROOT / stack).exists():
        laptop = "examples/dev/docker-compose.yml"
        checks.append(("check_jsonschema", "--builtin-schema", "compose-spec", stack, laptop))
    if (ROOT / ".github" / "CODEOWNERS").is_file():
        checks.append(("drillbook.upkeep", "owners", ORGANIZATION, "--check"))
        checks.append(("drillbook.upkeep", "overdue"))
    if (ROOT / "source" / "postmortems").is_dir():
        checks.append(("drillbook.incidents", "check"))
        checks.append(("drillbook.incidents.contacts",))
    if (ROOT / "source" / "adr").is_dir():
        checks.append(("drillbook.decisions", "check"))
    if (ROOT / "source").is_dir():
        checks.append(("drillbook.prose",))
    # The scripts, and what the pages' console and bash blocks run.
    checks.append(("drillbook.shellcheck", *_scripts()))
    failed = [check[0] for check in checks if not _passes(session, *check)]
    if failed:
        session.error(f"failed: {', '.join(failed)}")


@nox.session
def linkcheck(session: nox.Session) -> None:
    """Check every link and anchor inside the built site, without the network."""
    _install(session)
    if not HTML.is_dir():
        session.error("build/html is not there: nox -s docs")
    _tool(
        session, "lychee", "--offline", "--include-fragments", "--no-progress",
        "--root-dir", str(HTML), *session.posargs, *sorted(map(str, HTML.rglob("*.html"))),
    )  # fmt: skip


@nox.session
def anchors(session: nox.Session) -> None:
    """Add to the list of published addresses what the last build has."""
    _install(session)
    _python(session, "drillbook.site.anchors")


@nox.session
def axe(session: nox.Session) -> None:
    """Check in a browser that all can read the built pages. After --: --all, or pages of it."""
    _install(session)
    if not HTML.is_dir():
        session.error("build/html is not there: nox -s docs")
    _python(session, "drillbook.site.axe", *session.posargs)


@nox.session
def metrics(session: nox.Session) -> None:
    """Print the book's figures as the last build had them. After --: --check."""
    _install(session)
    _python(session, "drillbook.upkeep", "metrics", *session.posargs)


@nox.session
def owners(session: nox.Session) -> None:
    """Make .github/CODEOWNERS from the pages' front matter."""
    _install(session)
    _python(session, "drillbook.upkeep", "owners", ORGANIZATION)


@nox.session
def touched(session: nox.Session) -> None:
    """Name the pages that a change touches. After --: the commit to compare with, else HEAD."""
    _install(session)
    _python(session, "drillbook.upkeep", "touched", *session.posargs)


@nox.session
def history(session: nox.Session) -> None:
    """Add the last run's drills to the record of all runs; CI does it on main."""
    _install(session)
    _python(session, "drillbook.upkeep", "history")


@nox.session
def incident(session: nox.Session) -> None:
    """Open an incident, note in its timeline, print its messages. After --: new, note, message."""
    _install(session)
    _python(session, "drillbook.incidents", *(session.posargs or ("--help",)))


@nox.session
def postmortem(session: nox.Session) -> None:
    """Make a post-mortem's page. After --: the incident's number, or a drill's name."""
    _install(session)
    _python(session, "drillbook.incidents", "postmortem", *session.posargs)


@nox.session
def new(session: nox.Session) -> None:
    """Make a page from a template. After --: adr, and the decision in one sentence."""
    _install(session)
    _python(session, "drillbook.decisions", *(session.posargs or ("--help",)))


@nox.session
def triage(session: nox.Session) -> None:
    """Ask `sb triage` of every fault, in a sandbox each. After --: --at-once N, names of cases."""
    _install(session)
    _python(session, "tests.stack.matrix", *session.posargs)


@nox.session
def gameday(session: nox.Session) -> None:
    """Hold a game day: a drill's broken stack for people, clock, score. After --: the drill."""
    _install(session)
    _python(session, "drillbook.gameday", *(session.posargs or ("--help",)))


@nox.session
def serve(session: nox.Session) -> None:
    """Show the built site on 127.0.0.1. After --: the port, 8000 unless given."""
    _install(session)
    if not HTML.is_dir():
        session.error("build/html is not there: nox -s docs")
    port = session.posargs[0] if session.posargs else "8000"
    _python(session, "http.server", "--bind", "127.0.0.1", "--directory", str(HTML), port)


@nox.session
def live(session: nox.Session) -> None:
    """Watch source/: run the block just saved, and build its page. After --: a page."""
    _install(session)
    _python(session, "drillbook.runs.live", *session.posargs)


@nox.session
def mutate(session: nox.Session) -> None:
    """Take away the pages' guards and change those of `sb`: each must turn red. Takes --page."""
    _install(session)
    checks: list[tuple[str, ...]] = [("drillbook", "mutate", *session.posargs)]
    if not session.posargs:
        checks.insert(0, ("tests.stack.guards.mutation",))
    failed = [check[0] for check in checks if not _passes(session, *check)]
    if failed:
        session.error(f"failed: {', '.join(failed)}")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure the engine beside its baselines; see benchmarks/."""
    _install(session)
    _python(session, "benchmarks", *session.posargs)


@nox.session
def lock(session: nox.Session) -> None:
    """Pin what pyproject.toml asks for in requirements.lock, with hashes."""
    # uv only makes the lock, so it stands in an environment of its own.
    own = ROOT / ".nox" / "lock"
    if not (own / "bin" / "uv").exists():
        metadata = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        tools = metadata["dependency-groups"]["lock"]
        _venv(session, own)
        session.run(str(own / "bin/python"), "-m", "pip", "install", "-q", *tools, external=True)
    groups = [word for group in LOCKED_GROUPS for word in ("--group", group)]
    session.run(
        str(own / "bin" / "uv"), "pip", "compile", "pyproject.toml", "--universal",
        "--python-version", "3.11", *groups, "--generate-hashes", "--no-header", "--quiet",
        "-o", LOCK, *session.posargs, external=True,
    )  # fmt: skip
    for wanted in sorted(ROOT.glob("examples/**/requirements.lock")):
        # Tools whose packages do not go together with the project's.
        session.run(
            str(own / "bin" / "uv"), "pip", "compile", str(wanted.with_suffix(".txt")),
            "--universal", "--python-version", "3.11", "--generate-hashes", "--no-header",
            "--quiet", "-o", str(wanted), *session.posargs, external=True,
        )  # fmt: skip


def _install(session: nox.Session) -> None:
    """Makes the shared environment, unless it was made from the very same files."""
    wanted = _fingerprint()
    if _stamped(wanted):
        return
    ENVIRONMENT.parent.mkdir(exist_ok=True)
    with open(ENVIRONMENT.with_suffix(".lock"), "w") as alone:
        # Two runs may begin at the same time; the second finds the first one's work.
        fcntl.flock(alone, fcntl.LOCK_EX)
        if _stamped(wanted):
            return
        _venv(session, ENVIRONMENT)
        pip = (_bin("python"), "-m", "pip", "--disable-pip-version-check", "install", "-q")
        # pip sees the caller's whole environment: it may name the mirror and the proxy to use.
        session.run(*pip, "--require-hashes", "-r", LOCK, external=True)
        session.run(*pip, "--no-deps", "-e", ".", external=True)
        STAMP.write_text(wanted)


def _stamped(wanted: str) -> bool:
    return STAMP.is_file() and STAMP.read_text() == wanted


def _fingerprint() -> str:
    """What the environment depends on: interpreter, place, lock and package metadata."""
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    parts = [sys.version, str(ROOT), (ROOT / LOCK).read_text(encoding="utf-8")]
    parts += [json.dumps(metadata[table], sort_keys=True) for table in ("build-system", "project")]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _site() -> str:
    """Digest of the site as it is and of all that decides what a build would make of it.

    That is every file that is not made, what the runs left, the settings that a build
    sees, and the day: with the next one a result may be too old.
    """
    whole = hashlib.sha256()
    for part in (_fingerprint(), json.dumps(_scrubbed(), sort_keys=True), _today()):
        whole.update(f"{part}\0".encode())
    runs = [*BUILD.glob("report-*.json"), *(BUILD / "evidence").rglob("*")]
    for path in (*_walk(ROOT), *sorted(path for path in runs if path.is_file())):
        whole.update(f"{path}\0{path.stat().st_mode}\0".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    for path in sorted(HTML.rglob("*")):
        about = path.stat()
        whole.update(f"{path}\0{about.st_size}\0{about.st_mtime_ns}\0".encode())
    for name in ("anchors.txt", "metrics.json"):  # what a build leaves beside the site
        whole.update(f"{(BUILD / name).is_file()}\0".encode())
    return whole.hexdigest()


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


_MADE = {
    *("build", ".git", ".nox", ".venv", "__pycache__", "node_modules"),
    *(".mypy_cache", ".pytest_cache", ".ruff_cache"),
}
"""Folders of files that are made from the others."""


def _walk(folder: Path) -> list[Path]:
    """The files below a folder that are not made, in order; links to folders are followed."""
    found = []
    seen = set()
    for here, folders, names in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(here)) in seen:
            folders.clear()  # a link back
            continue
        seen.add(real)
        folders[:] = sorted(set(folders) - _MADE)
        found += [path for name in sorted(names) if (path := Path(here, name)).is_file()]
    return found


def _venv(session: nox.Session, folder: Path) -> None:
    session.run(sys.executable, "-m", "venv", "--clear", str(folder), external=True)


def _bin(name: str) -> str:
    return str(ENVIRONMENT / "bin" / name)


def _scrubbed() -> dict[str, str | None]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    path = os.pathsep.join([str(ENVIRONMENT / "bin"), kept.get("PATH", os.defpath)])
    return {**kept, "PATH": path, "LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONUTF8": "1"}


def _tool(session: nox.Session, name: str, *arguments: str) -> None:
    session.run(
        _bin(name), *arguments, env=_scrubbed(), include_outer_env=False, external=True, log=False
    )


def _python(session: nox.Session, module: str, *arguments: str) -> None:
    _tool(session, "python", "-m", module, *arguments)


def _passes(session: nox.Session, module: str, *arguments: str) -> bool:
    """Runs one check; the others run too, whatever it finds."""
    try:
        _python(session, module, *arguments)
    except nox.command.CommandFailed:
        return False
    return True


_YAMLLINT = json.dumps(
    {
        "extends": "default",
        "ignore": ["examples/reliability/burn.yaml"],  # made by examples/reliability/burn.py
        "rules": {
            "document-start": "disable",
            # The others hold sentences that readers see, one to a line.
            "line-length": {
                "max": 110,
                "ignore": [
                    "examples/platform/flows/",
                    "examples/platform/facts.yaml",
                    "examples/ops/",
                    "examples/reliability/",
                    "source/moved.yaml",  # addresses
                    "source/words.yaml",  # what somebody may type, a situation to a line
                    "tests/search/",
                ],
            },
            "truthy": {"check-keys": False},  # GitHub's workflows have a key named `on`
            "braces": {"max-spaces-inside": 1},
            "comments": {"min-spaces-from-content": 1},
        },
    }
)


def _files(*endings: str, under: str = "") -> list[str]:
    """The project's own files of these endings, relative to it, with none that are made."""
    found = (path for path in _walk(ROOT / under) if path.suffix in endings)
    return sorted(str(path.relative_to(ROOT)) for path in found)


def _scripts() -> list[str]:
    """The project's shell scripts, known by their first line."""
    folders = (".ci", "examples", "benchmarks", "drillbook")
    found = []
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and not path.is_symlink() and path.suffix in ("", ".sh"):
                first = path.read_bytes()[:64].partition(b"\n")[0]
                if first.startswith(b"#!") and (b"bash" in first or first.endswith(b"/sh")):
                    found.append(str(path.relative_to(ROOT)))
    return found
