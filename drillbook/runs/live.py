"""What an author sees while writing: the verdict of the block just saved, and its page.

    python -m drillbook.runs.live [PAGE]

Watches `source/`. When a page is saved, its plan is made anew, the first scenario with a
changed block is played up to the last one that changed, in a sandbox that was opened
before, and the page is built beside that. Nothing is recorded: for marks there is
`nox -s doctest`.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from watchfiles import watch

from drillbook import plan as plans
from drillbook import run
from drillbook.errors import DrillbookError, HarnessError
from drillbook.model import Page, Plan, Result, Scenario
from drillbook.sandboxes.local import LocalBackend
from drillbook.sandboxes.sandbox import Backend, Sandbox

SITE = "build/live"
"""Where the pages are built, apart from the site that is published."""


@dataclass(frozen=True, slots=True)
class Change:
    """A scenario to play, cut after the last block that changed."""

    page: Page
    scenario: Scenario


class Warm:
    """A backend that hands out a sandbox opened before, and opens the next one meanwhile.

    Args:
        inner: Opens them.
    """

    def __init__(self, inner: Backend) -> None:
        self.name = inner.name
        self._inner = inner
        self._services: tuple[str, ...] = ()
        self._ready: Sandbox | None = None
        # A sandbox ends with the thread that opened it, so that this one stays.
        self._opener = ThreadPoolExecutor(1)
        self._opening: Future[None] | None = None

    def prepare(self, services: Sequence[str]) -> None:
        """Opens a sandbox with these services in the background, unless one is there."""
        self._join()
        if self._ready is not None and self._services != tuple(services):
            self._ready.close()
            self._ready = None
        if self._ready is None:
            self._services = tuple(services)
            self._opening = self._opener.submit(self._open)

    def open(self, services: Sequence[str], *, label: str) -> Sandbox:
        """See `drillbook.sandboxes.sandbox.Backend`."""
        self._join()
        ready, self._ready = self._ready, None
        if ready is not None and self._services == tuple(services):
            return ready
        if ready is not None:
            ready.close()
        return self._inner.open(services, label=label)

    def versions(self, services: Sequence[str]) -> Mapping[str, str]:
        """See `drillbook.sandboxes.sandbox.Backend`."""
        return self._inner.versions(services)

    def close(self) -> None:
        """See `drillbook.sandboxes.sandbox.Backend`."""
        self._join()
        if self._ready is not None:
            self._ready.close()
            self._ready = None
        self._opener.shutdown()

    def _open(self) -> None:
        # Why it cannot be opened is said by whoever needs it.
        with contextlib.suppress(HarnessError):
            self._ready = self._inner.open(self._services, label="live")

    def _join(self) -> None:
        if self._opening is not None:
            self._opening.result()
            self._opening = None


def changed(before: Plan, now: Plan) -> Iterator[Change]:
    """The scenarios with blocks that changed, each cut after the last of them.

    A block that several scenarios begin with counts where it is at home.
    """
    known = {
        (scenario.id, snippet.name): (snippet.text, snippet.language, snippet.options)
        for page in before.pages
        for scenario in page.scenarios
        for snippet in scenario.snippets
    }
    for page in now.pages:
        for scenario in page.scenarios:
            last = -1
            for position, snippet in enumerate(scenario.snippets):
                same = (snippet.text, snippet.language, snippet.options)
                if position >= scenario.prefix and known.get((scenario.id, snippet.name)) != same:
                    last = position
            if last >= 0:
                yield Change(page, replace(scenario, snippets=scenario.snippets[: last + 1]))


def play(change: Change, backend: Backend, root: Path) -> Iterator[Result]:
    """The results of a change's blocks, in order; a drill is left before its verdict."""
    results = run.play(change.scenario, backend, root=root, kept=root / "build/live-evidence")
    for _, result in zip(change.scenario.snippets, results, strict=False):
        assert isinstance(result, Result)
        yield result
    close = getattr(results, "close", None)
    if close is not None:
        close()


def say(change: Change, results: Sequence[Result], took_s: float) -> str:
    """The verdict in a few lines: what failed and why, or that all of it passed."""
    bad = next((each for each in results if each.status in ("failed", "error")), None)
    if bad is not None:
        return f"{bad.path}:{bad.line}: {bad.status}: {bad.reason}\n({took_s:.1f} s)"
    last = change.scenario.snippets[-1]
    return (
        f"{last.path}:{last.line}: {last.name} passed, and {len(results) - 1} before it"
        f" in {change.scenario.id} ({took_s:.1f} s)"
    )


class Live:
    """One author's session.

    Args:
        root: The project's folder.
        backend: Where blocks are played.
    """

    def __init__(self, root: Path, backend: Backend) -> None:
        self.root = root
        self._backend = Warm(backend)
        self._plan = plans.build(root)

    def begin(self, docname: str = "") -> None:
        """Opens a sandbox for a page's main scenario, so that it is there when it is saved."""
        for page in self._plan.pages:
            if page.docname == docname and page.scenarios:
                self._backend.prepare(page.scenarios[0].services)

    def build(self) -> None:
        """Builds every page, so that after a save only what was saved is built."""
        _build(self.root).wait()

    def saved(self, paths: Iterable[Path]) -> Iterator[str]:
        """What to say after files under `source/` were saved, each as soon as it is known.

        Args:
            paths: The files.
        """
        begin = time.monotonic()
        site = _build(self.root, paths)
        page = SITE
        try:
            before, self._plan = self._plan, plans.build(self.root)
            change = next(changed(before, self._plan), None)
            if change is not None:
                results = list(play(change, self._backend, self.root))
                yield say(change, results, time.monotonic() - begin)
                self._backend.prepare(change.scenario.services)
                page = f"{SITE}/{change.page.docname}.html"
        except DrillbookError as error:
            yield str(error)
        built = site.wait() == 0
        yield f"{(self.root / page).as_uri()}" + ("" if built else "   (not built)")

    def close(self) -> None:
        """Ends the sandbox that is kept."""
        self._backend.close()


def _build(root: Path, paths: Iterable[Path] = ()) -> subprocess.Popen[bytes]:
    """Begins to build pages: those that were saved, or all that changed since the last time.

    Tables that are made from all pages wait for the next start.
    """
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", "-c", str(root)]
    # Doctrees of its own: two builds at a time share them badly.
    command += ["-d", str(root / "build/live-doctrees"), str(root / "source"), str(root / SITE)]
    command += _documents(root, list(paths))
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _documents(root: Path, paths: Sequence[Path]) -> list[str]:
    """The files as Sphinx takes them, if each is a page; what others include is none."""
    pages = all(
        path.suffix == ".md"
        and path.is_file()
        and not any(part.startswith("_") for part in path.relative_to(root / "source").parts)
        for path in paths
    )
    return sorted(map(str, paths)) if pages else []


def main(arguments: Sequence[str]) -> int:
    """Watches until Ctrl-C."""
    root = Path.cwd()
    live = Live(root, LocalBackend(root))
    try:
        if arguments:
            live.begin(arguments[0])
        live.build()
        print(f"watching source/; the pages: {(root / SITE).as_uri()}", flush=True)
        for changes in watch(root / "source", raise_interrupt=False):
            for said in live.saved(Path(path) for _, path in changes):
                print(said, flush=True)
    except KeyboardInterrupt:
        return 0
    finally:
        live.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
