"""What is played when a page is saved, in which sandbox, and what is said of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drillbook import plan as plans
from drillbook.model import Plan, Result
from drillbook.runs import live
from drillbook.sandboxes.local import LocalBackend
from tests import fake_book
from tests.test_tiny_book import TinyBook


def _with_text(plan: Plan, name: str, text: str) -> Plan:
    page = plan.pages[0]
    scenarios = tuple(
        replace(
            scenario,
            snippets=tuple(
                replace(snippet, text=text) if snippet.name == name else snippet
                for snippet in scenario.snippets
            ),
        )
        for scenario in page.scenarios
    )
    return replace(plan, pages=(replace(page, scenarios=scenarios),))


def _names(before: Plan, now: Plan) -> list[tuple[str, list[str]]]:
    return [
        (change.scenario.id, [snippet.name for snippet in change.scenario.snippets])
        for change in live.changed(before, now)
    ]


def test_the_changed_block_and_what_comes_before_it_is_played() -> None:
    plan = fake_book.plan()
    assert _names(plan, plan) == []
    # That the lines below moved changes nothing.
    assert _names(plan, fake_book.plan("d2")) == []
    assert _names(plan, _with_text(plan, "look", "$ true\n")) == [
        ("guide#page", ["context", "look"])
    ]
    # What a drill begins with is at home on the page.
    assert _names(plan, _with_text(plan, "context", "$ true\n")) == [("guide#page", ["context"])]
    assert _names(plan, _with_text(plan, "confirm", "$ true\n")) == [
        ("guide#primary-lost", ["context", "confirm"])
    ]


def test_the_verdict_is_said_with_its_place() -> None:
    plan = fake_book.plan()
    change = next(live.changed(plan, _with_text(plan, "look", "$ true\n")))
    passed = [Result("guide#context", "guide#page", "", "passed"), Result("x", "x", "", "passed")]
    assert live.say(change, passed, 1.26) == (
        "source/guide.md:20: look passed, and 1 before it in guide#page (1.3 s)"
    )
    failed = Result(
        "guide#look", "guide#page", "", "failed", "it printed something else",
        path="source/guide.md", line=21,
    )  # fmt: skip
    assert live.say(change, [passed[0], failed], 1.0) == (
        "source/guide.md:21: failed: it printed something else\n(1.0 s)"
    )


class Site:
    """A build that goes on until somebody waits for it."""

    status: int | None = None

    def wait(self) -> int:
        self.status = 0
        return 0


def test_the_verdict_does_not_wait_for_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site()
    found = iter([fake_book.plan(), _with_text(fake_book.plan(), "look", "$ true\n")])
    passed = [Result("guide#context", "guide#page", "", "passed")]
    monkeypatch.setattr(plans, "build", lambda root: next(found))
    monkeypatch.setattr(live, "play", lambda change, backend, root: iter(passed))
    monkeypatch.setattr(live, "_build", lambda root, paths: site)
    author = live.Live(tmp_path, Backend())
    said = author.saved([tmp_path / "source/guide.md"])
    assert next(said).startswith("source/guide.md:20: look passed")
    assert site.status is None
    assert list(said) == [(tmp_path / "build/live/guide.html").as_uri()]
    assert site.status == 0
    author.close()


def test_only_saved_pages_are_built_unless_something_else_was_saved(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in ("a.md", "b/c.md", "_shared/d.md", "e.yaml"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).touch()
    a, c = source / "a.md", source / "b/c.md"
    assert live._documents(tmp_path, [c, a]) == [str(a), str(c)]
    assert live._documents(tmp_path, []) == []
    for other in ("_shared/d.md", "e.yaml", "gone.md"):
        assert live._documents(tmp_path, [a, source / other]) == []


class Opened:
    """A sandbox that is only there or not."""

    def __init__(self) -> None:
        self.open = True

    def close(self) -> None:
        self.open = False


class Backend:
    """Counts what it opens."""

    name = "local"

    def __init__(self) -> None:
        self.opened: list[tuple[tuple[str, ...], Opened]] = []

    def open(self, services: Sequence[str], *, label: str) -> Any:
        self.opened.append((tuple(services), Opened()))
        return self.opened[-1][1]

    def versions(self, services: Sequence[str]) -> Mapping[str, str]:
        return {}

    def close(self) -> None:
        pass


def test_a_sandbox_is_ready_before_it_is_asked_for_and_never_used_twice() -> None:
    inner = Backend()
    warm = live.Warm(inner)
    warm.prepare(("db-1",))
    first = warm.open(("db-1",), label="x")
    assert [services for services, _ in inner.opened] == [("db-1",)]
    warm.prepare(("db-1",))
    assert warm.open(("db-1",), label="x") is not first
    # One for another page is not what was asked for.
    warm.prepare(("db-1",))
    other: object = warm.open(("redis-1",), label="x")
    services, opened = inner.opened[-1]
    assert (services, opened is other) == (("redis-1",), True)
    assert not inner.opened[-2][1].open
    warm.prepare(("db-1",))
    warm.close()
    assert not inner.opened[-1][1].open


def test_a_saved_page_has_its_verdict_and_then_its_page(
    tmp_path: Path, local_backend: LocalBackend
) -> None:
    book = TinyBook(tmp_path / "book")
    author = live.Live(book.root, LocalBackend(book.root))
    source, built = book.root / "source/index.md", book.root / "build/live/index.html"
    try:
        author.begin("index")
        at = book.change("$ hostname;", "$ uname -n;")
        assert not built.exists()
        passed, address = author.saved([source])
        assert re.fullmatch(
            rf"source/index\.md:{at}: \S+ passed, and 0 before it in index#page \(.+ s\)",
            passed,
        )
        assert address == built.as_uri()
        assert "uname" in built.read_text()
        at = book.change("desk\nclerk", "desk\nguest") + 1
        failed, address = author.saved([source])
        assert failed.startswith(f"source/index.md:{at}: failed: ")
        assert "+clerk" in failed
        assert address == built.as_uri()
        assert "guest" in built.read_text()
        # Words alone change no block: there is the page, and nothing to say.
        book.change("\n## What may", "\nOnly words.\n\n## What may")
        assert list(author.saved([source]))[:-1] == []
        assert "Only words" in built.read_text()
    finally:
        author.close()
    assert not (book.root / "build/report-local.json").exists()
