"""Pages against the stack and the calendar."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from drillbook.consistency import Claims, check, stack_of
from drillbook.drills.declarations import Oracle
from drillbook.drills.kit import Kit
from drillbook.errors import Where
from drillbook.sandboxes.service import Service
from drillbook.sandboxes.stack import Stack
from tests.sphinx_book import Book

TODAY = date(2026, 11, 23)
KNOWN = Stack(
    {
        "app": Service("app", ("app",), needs=("db-1",)),
        "db-1": Service("db-1", ("db-1",), noticed_by="writes"),
        "db-2": Service("db-2", ("db-2",), needs=("db-1",)),
        "redis-1": Service("redis-1", ("redis-1",), noticed_by="redis"),
    },
    prober="app",
)
KIT = Kit("some.prober", [Oracle("writes", "Writes."), Oracle("redis", "Redis.", ("app",))])
STACK, HOST = Where("source/x.md", 5), Where("source/x.md", 20)
DRILL = Where("source/x.md", 15)


def errors(
    *,
    stack: tuple[str, ...] = (),
    host: str = "ops",
    until: str = "",
    more: tuple[str, ...] = (),
    fault: str = "",
    snippets: tuple[str, ...] = (),
) -> list[str]:
    skips = ((until, HOST),) if until else ()
    drills = tuple((name, DRILL) for name in more)
    faults = ((fault, HOST, more, snippets),) if fault else ()
    claims = Claims(stack, STACK, ((host, HOST, more),), drills, faults, skips)
    return [str(it) for it in check(claims, KNOWN, KIT, TODAY)]


@pytest.mark.parametrize(
    ("stack", "host"),
    [((), "ops"), (("db-2",), "db-2"), (("db-2",), "db-1"), (("app", "redis-1"), "db-1")],
)
def test_hosts_of_the_pages_stack_are_there(stack: tuple[str, ...], host: str) -> None:
    assert errors(stack=stack, host=host) == []


def test_an_unknown_service() -> None:
    assert errors(stack=("db-3",)) == [
        "source/x.md:5: unknown-service: The stack has no service `db-3`.\n"
        "  hint: The services are app, db-1, db-2, redis-1."
    ]


def test_an_unknown_host() -> None:
    assert errors(host="db-3") == [
        "source/x.md:20: unknown-host: There is no host `db-3`.\n"
        "  hint: Hosts are ops and the services of the stack: app, db-1, db-2, redis-1."
    ]


def test_a_host_that_the_page_does_not_start() -> None:
    assert errors(stack=("db-1",), host="db-2") == [
        "source/x.md:20: unknown-host: The host `db-2` is not started for this page.\n"
        "  hint: Add it to `stack`, in the front matter or of the drill."
    ]


def test_a_host_that_only_the_drill_starts() -> None:
    assert errors(stack=("redis-1",), more=("db-2",), host="db-1") == []
    assert errors(more=("db-3",)) == [
        "source/x.md:15: unknown-service: The stack has no service `db-3`.\n"
        "  hint: The services are app, db-1, db-2, redis-1."
    ]


def test_a_fault_and_the_hosts_that_it_needs() -> None:
    assert errors(stack=("app",), fault="kill db-1") == []
    assert errors(stack=("app",), more=("redis-1",), fault="kill redis-1") == []
    assert errors(stack=("app",), fault="kill db-2") == [
        "source/x.md:20: unknown-host: The host `db-2` is not started for this page.\n"
        "  hint: Add it to `stack`, in the front matter or of the drill."
    ]
    # The prober works on app.
    assert errors(stack=("db-1",), fault="kill db-1") == [
        "source/x.md:20: unknown-host: The host `app` is not started for this page.\n"
        "  hint: Add it to `stack`, in the front matter or of the drill."
    ]
    assert errors(stack=("app", "db-2"), fault="kill db-2") == [
        "source/x.md:20: not-noticed: `kill db-2`: the stack does not say what notices that db-2 "
        "is gone\n  hint: the service says `noticed-by` in its x-drillbook: nobody, or writes, "
        "redis"
    ]
    assert errors(fault="explode db-2") == [
        "source/x.md:20: unknown-fault: there is no fault 'explode'\n  hint: faults: kill HOST, "
        "stop HOST, pause HOST, resume HOST, cut LINK, delay LINK DURATION, open LINK, "
        "wait DURATION"
    ]


def test_a_fault_in_the_middle_comes_after_a_snippet_that_is_run() -> None:
    fault = "kill db-1; after start; kill redis-1"
    here = ("app", "redis-1")
    assert errors(stack=here, fault=fault, snippets=("look", "start")) == []
    assert errors(stack=here, fault=fault, snippets=("look", "begin")) == [
        "source/x.md:20: unknown-snippet: `after start`: the drill runs no snippet of that name\n"
        "  hint: its snippets: look, begin"
    ]
    assert errors(stack=("app",), fault=fault, snippets=("start",)) == [
        "source/x.md:20: unknown-host: The host `redis-1` is not started for this page.\n"
        "  hint: Add it to `stack`, in the front matter or of the drill."
    ]


def test_a_fix_that_is_not_known() -> None:
    claims = Claims((), STACK, (), (), (), (), (("30", HOST), ("99", HOST)))
    assert [str(it) for it in check(claims, KNOWN, KIT, TODAY, {"22": "", "30": ""})] == [
        "source/x.md:20: unknown-defect: The stack has mended no defect 99.\n"
        "  hint: The stack's `defects` are 22, 30."
    ]


def test_the_end_of_a_skip() -> None:
    assert errors(until="2026-11-23") == []
    assert errors(until="2027-02-21") == []
    assert errors(until="2026-11-22") == [
        "source/x.md:20: skip-expired: The skip ended on 2026-11-22.\n"
        "  hint: Let the block run, or find a new reason and a new end."
    ]
    assert errors(until="2027-02-22") == [
        "source/x.md:20: skip-too-long: The skip lasts until 2027-02-22, more than 90 days.\n"
        "  hint: The latest end is 2027-02-21."
    ]


def test_services_and_what_they_need_come_from_the_stack(tmp_path: Path) -> None:
    Book(tmp_path)
    found = {name: each.needs for name, each in stack_of(tmp_path).services.items()}
    assert found == {"ops": (), "db-1": (), "db-2": ("db-1",), "redis-1": ()}


@pytest.mark.parametrize("text", [None, "", "services: [", "services: 1", "a: b"])
def test_an_unreadable_stack_has_no_services(tmp_path: Path, text: str | None) -> None:
    book = Book(tmp_path)
    if text is None:
        (tmp_path / "examples/compose.yaml").unlink()
    else:
        book.put("examples/compose.yaml", text)
    assert stack_of(tmp_path).services == {}
