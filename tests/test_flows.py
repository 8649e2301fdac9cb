from __future__ import annotations

import importlib.util
from pathlib import Path
from textwrap import dedent

import pytest

from drillbook.errors import PageError
from drillbook.site import flow_diagrams, flows
from tests.sphinx_book import Book
from tests.test_marks import page, sample

FLOW = """\
title: Order
purpose: Something is ordered.
trigger: a request
owner: somebody
delivery: once
ordering: none
idempotency: none
loss: nothing
retention: for ever
dead-letters: none
boundaries: one
steps:
  - {from: user, to: api, call: "asks; <b>", by: HTTP, limit: 1 s, seen: ["client -> api : GET /"]}
  - {note: looks it up, at: api}
  - {from: api, to: user, answer: "200"}
  - case: it fails
    steps:
      - {from: api, to: store, call: keeps it, absent: not here}
states:
  of: orders.status
  begin: new
  moves:
    - {from: new, to: done, when: it works}
troubles:
  - {when: it fails, then: nothing, seen: an error, again: never}
"""
PARTICIPANTS = """\
user: {label: User, kind: person, technology: browser, spans: [client]}
api: {label: API, kind: process, technology: HTTP, spans: [api]}
store: {label: Store, kind: store, technology: SQL}
"""


def write(root: Path, text: str = FLOW, participants: str = PARTICIPANTS) -> Path:
    folder = root / "flows"
    folder.mkdir(exist_ok=True)
    (folder / "participants.yaml").write_text(participants)
    (folder / "order.yaml").write_text(text)
    return folder / "order.yaml"


def refused(root: Path, text: str) -> str:
    with pytest.raises(PageError) as caught:
        flows.read(write(root, text), root)
    return str(caught.value)


def test_a_flow_is_drawn_with_what_is_not_on_the_stack_dashed(tmp_path: Path) -> None:
    path = write(tmp_path)
    flow = flows.read(path, tmp_path)
    known = flows.participants(path.parent, tmp_path)
    ((title, steps),) = flow_diagrams.parts(flow)
    assert title == ""
    assert flow_diagrams.sequence(steps, known).splitlines()[1:] == [
        "sequenceDiagram",
        "  autonumber 1",
        "  actor user as User",
        "  participant api as API",
        "  participant store as Store",
        "  user->>api: asks#59; #lt;b#gt;",
        "  Note over api: looks it up",
        "  api-)user: 200",
        "  opt it fails",
        "    api-->>store: keeps it",
        "  end",
    ]
    assert flow_diagrams.in_words("Order", steps, known) == (
        "Sequence of Order. User to API: asks; <b>. API to User: 200."
        " If it fails: API to Store: keeps it, production only."
    )


def test_a_part_is_a_diagram_of_its_own_and_numbers_go_on(tmp_path: Path) -> None:
    text = FLOW.replace("  - case: it fails", "  - part: later\n  - case: it fails")
    path = write(tmp_path, text)
    flow = flows.read(path, tmp_path)
    known = flows.participants(path.parent, tmp_path)
    (_, first), (title, second) = flow_diagrams.parts(flow)
    assert (title, len(first), len(second)) == ("later", 3, 1)
    assert "autonumber 3" in flow_diagrams.sequence(second, known, 3)


def test_each_step_knows_its_line(tmp_path: Path) -> None:
    assert dict(flows.lines(write(tmp_path), tmp_path)) == {0: 13, 1: 14, 2: 15, 3: 18}


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        (
            "to: api, call",
            "to: apy, call",
            """\
            flows/order.yaml:13: unknown-participant: Nobody is called `apy`.
              hint: participants.yaml lists them: user, api, store.""",
        ),
        (
            ', seen: ["client -> api : GET /"]',
            "",
            "flows/order.yaml:13: uncompared: "
            "A call has `seen`, or `absent` or `untraced` says why not; nothing else has them.",
        ),
        (
            "client -> api : GET /",
            "client -> store : GET /",
            """\
            flows/order.yaml:13: other-ends: `client -> store : GET /` is not from `user` to `api`.
              hint: `api` is seen as api.""",
        ),
        (
            "owner: somebody\n",
            "",
            "flows/order.yaml:1: bad-flow: owner: Field required.",
        ),
        (
            "by: HTTP",
            "via: HTTP",
            "flows/order.yaml:13: bad-flow: steps.0.via: Extra inputs are not permitted.",
        ),
        (
            'answer: "200"',
            'answer: "200", call: both',
            "flows/order.yaml:15: bad-flow: "
            "A step has one of `call`, `answer`, `note`, `case` and `part`.",
        ),
        (
            "- {from: new, to: done",
            "- {from: nwe, to: done",
            """\
            flows/order.yaml:23: unknown-state: Nothing leads to `nwe`.
              hint: It begins in `new`.""",
        ),
        (
            "ordering: none",
            "ordering: [none",
            "flows/order.yaml:7: bad-flow: YAML: expected ',' or ']', but got ':'",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, was: str, now: str, said: str) -> None:
    assert was in FLOW
    assert refused(tmp_path, FLOW.replace(was, now)) == dedent(said)


@pytest.mark.skipif(importlib.util.find_spec("merman") is None, reason="no merman")
def test_a_page_shows_diagram_table_states_and_promises(tmp_path: Path) -> None:
    book = sample(tmp_path / "book")
    write(book.root)
    show(book, "{flow} flows/order.yaml", "{flow-states} flows/order.yaml")
    found = page(book, "other")
    labels = [each["aria-label"] for each in found.select(".dg")]
    assert labels[-1] == "States of orders.status. It begins in new. new to done: it works."
    cells = [each.get_text() for each in found.select("table td")]
    assert "asks; <b>" in cells
    assert "no: not here" in cells
    show(book, "{flow-promises} flows/order.yaml", "{flow-summary} flows\n:columns: loss")
    cells = [each.get_text() for each in page(book, "other").select("table td")]
    assert cells.count("nothing") == 3


@pytest.mark.skipif(importlib.util.find_spec("merman") is None, reason="no merman")
def test_a_flow_that_is_wrong_fails_the_page_at_the_flows_line(tmp_path: Path) -> None:
    book = sample(tmp_path / "book")
    write(book.root, FLOW.replace("to: api, call", "to: apy, call"))
    show(book, "{flow} flows/order.yaml", status=None)
    assert "flows/order.yaml:13: unknown-participant: Nobody is called `apy`." in book.warnings


def show(book: Book, *directives: str, status: int | None = 0) -> None:
    conf = book.root / "conf.py"
    text = conf.read_text()
    if "flow_diagrams" not in text:
        conf.write_text(text + '\nextensions += ["drillbook.site.flow_diagrams"]\n')
    fences = "\n\n".join(f"```{each}\n```" for each in directives)
    (book.root / "source/other.md").write_text(f"# Other page\n\n## Marks\n\n{fences}\n")
    result = book.build("html")
    if status is not None:
        assert (result, book.warnings) == (status, "")
