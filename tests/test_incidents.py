"""Incidents: timelines, messages, post-mortems and what is wrong with them."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from drillbook.errors import PageError
from drillbook.incidents import (
    __main__,
    contacts,
    draft,
    incident,
    people,
    postmortem,
    severity,
    timeline,
)
from drillbook.incidents.incident import Situation

ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 11, 26, 3, 12, 5, tzinfo=UTC)
SITUATION = Situation(
    "Content is not published in eu-west-1",
    "Sites in Europe get no new posts",
    "Writing and scheduling",
    "The region's worker is started again",
)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A folder with what incidents read of the book."""
    for name in ("source/reference", "source/incident-response/messages", "source/postmortems"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("INC-*"))
    return tmp_path


def test_a_new_incident_has_a_timeline_and_every_message(book: Path) -> None:
    made = incident.new(book, "P1", SITUATION, NOW)
    assert made.name == "INC-2026-11-26-001"
    told = timeline.read(made / "timeline.md")
    assert (told.severity, told.title, told.opened) == ("P1", SITUATION.title, NOW)
    assert [entry.what for entry in told.entries] == [f"opened as P1: {SITUATION.title}"]
    templates = {path.name for path in (ROOT / incident.TEMPLATES).glob("*.txt")}
    assert {path.name for path in (made / "messages").iterdir()} == templates
    for path in (made / "messages").iterdir():
        text = path.read_text()
        assert "{{" not in text and SITUATION.title in text, path.name


def test_a_message_says_when_the_next_one_comes_by_the_severity(book: Path) -> None:
    for level, due in (("P0", "03:27:05Z"), ("P1", "03:42:05Z"), ("P2", "07:12:05Z")):
        texts = incident.messages(book, "INC-1", level, SITUATION, since=NOW, now=NOW)
        assert f"2026-11-26T{due}" in texts["status-page.txt"], level
    late = incident.messages(book, "INC-1", "P3", SITUATION, since=NOW, now=NOW)
    assert "2026-11-27T03:12:05Z" in late["internal.txt"]


def test_the_second_incident_of_a_day_has_the_next_number(book: Path) -> None:
    incident.new(book, "P1", SITUATION, NOW)
    (book / "source/postmortems/INC-2026-11-26-004.md").write_text("")
    assert incident.new(book, "P2", SITUATION, NOW).name == "INC-2026-11-26-005"


def test_an_unknown_severity_leaves_nothing_behind(book: Path) -> None:
    with pytest.raises(PageError, match="unknown-severity: there is no severity 'SEV-1'"):
        incident.new(book, "SEV-1", SITUATION, NOW)
    assert list((book / "incidents").iterdir()) == []


def test_a_field_that_nothing_fills_is_an_error(book: Path) -> None:
    (book / incident.TEMPLATES / "odd.txt").write_text("{{ colour }}")
    with pytest.raises(PageError, match=r"message-field: .*odd\.txt: 'colour' is undefined"):
        incident.new(book, "P1", SITUATION, NOW)


def test_the_scale_is_the_page_s(book: Path) -> None:
    page = book / severity.PAGE
    page.write_text(page.read_text().replace("| **P2** | a part", "| **P9** | a part"))
    with pytest.raises(PageError, match="holds P0, P1, P3, not P0, P1, P2, P3"):
        severity.scale(book)


HEAD = "incident: INC-2026-11-26-001\nseverity: P1\ntitle: T\nopened: 2026-11-26T03:12:05Z\n\n"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (HEAD + "- 2026-11-26T03:12:05Z scribe: x", "t.md:6: timeline-cut-off: the last line"),
        (HEAD + "- 03:12 scribe: x\n", "t.md:6: timeline-entry: '03:12' is no time in UTC"),
        (HEAD + "db-2 promoted\n", "t.md:6: timeline-entry: this is no entry: 'db-2 promoted'"),
        (
            HEAD + "- 2026-11-26T03:12:05Z scribe: x\n- 2026-11-26T03:12:04Z scribe: y\n",
            "t.md:7: timeline-order: 2026-11-26T03:12:04Z comes after 2026-11-26T03:12:05Z",
        ),
        ("severity: P1\n", "t.md:1: timeline-fact: the timeline does not say its incident"),
    ],
)
def test_a_timeline_that_is_wrong_is_an_error_at_its_line(
    tmp_path: Path, text: str, error: str
) -> None:
    path = tmp_path / "t.md"
    path.write_text(text)
    with pytest.raises(PageError) as caught:
        timeline.read(path, "t.md")
    assert str(caught.value).startswith(error)


def test_a_note_goes_to_the_end_and_nothing_opens_by_itself(book: Path) -> None:
    made = incident.new(book, "P1", SITUATION, NOW)
    timeline.append(made / "timeline.md", [timeline.Entry(NOW, "scribe", "a\n  b")])
    assert (made / "timeline.md").read_text().endswith("scribe: a b\n")
    with pytest.raises(PageError, match="timeline-missing"):
        timeline.append(book / "none.md", [])


def _postmortem(book: Path, **changed: str) -> tuple[Path, str]:
    incident.new(book, "P1", SITUATION, NOW)
    path = draft.of_incident(book, "INC-2026-11-26-001", date(2026, 11, 26))
    text = path.read_text().replace("| open | |", "| open | a drill passes |")
    text = text.replace("\n-\n", "\n- nothing is known yet\n")
    for old, new in changed.items():
        text = text.replace(old, new)
    return path, text


def test_a_post_mortem_made_from_a_timeline_has_its_rows(book: Path) -> None:
    path, text = _postmortem(book)
    empty = {e.message for e in postmortem.read(book, path).errors if "empty" in e.message}
    assert empty == {"`What went well` is empty", "`What went wrong` is empty"}
    text = text.replace("| A1 | Action", "| A1 |").replace("| A1 | |", "| A1 | watch it |")
    path.write_text(text)
    row = "| 2026-11-26T03:12:05Z | on-call-engineer | opened as P1: Content is not published"
    assert row in text
    found = postmortem.read(book, path)
    assert found.errors == () and not found.exercise and not found.final
    assert [(a.id, a.due.isoformat(), a.done) for a in found.actions] == [
        ("A1", "2026-12-03", False)
    ]


def test_a_post_mortem_is_never_overwritten(book: Path) -> None:
    _postmortem(book)
    with pytest.raises(PageError, match="postmortem-exists"):
        draft.of_incident(book, "INC-2026-11-26-001", date(2026, 11, 26))


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("severity: P1", "severity: SEV-1", "postmortem-head: `severity` is 'SEV-1'"),
        ("status: draft", "status: soon", "postmortem-head: `status` is 'soon'"),
        ("## Lessons", "## Learned", "postmortem-section: there is no section Lessons"),
        ("| A1 |", "| |", "action-incomplete: the action has no Id, Action"),
        ("| next | technical-lead |", "| P1 | technical-lead |", "action-horizon: 'P1' is no"),
        ("| next | technical-lead |", "| next | Bob |", "action-owner: 'Bob' is no role"),
        ("| 2026-12-03 |", "| soon |", "action-due: 'soon' is no date"),
        ("| open |", "| later |", "action-status: 'later' is no status"),
        ("Z | on-call-engineer |", "Z | operator |", "postmortem-role: 'operator' is no role"),
        ("| 2026-11-26T03:12:05Z |", "| 03:12 |", "postmortem-time: '03:12' is no time"),
        ("timeline, line 6 |", "|", "postmortem-source: the row does not say where"),
        ("by design or by luck", "says Robert Miller", "postmortem-person: 'Robert Miller'"),
        ("by design or by luck", "says @rob", "postmortem-person: '@rob' reads as a person"),
    ],
)
def test_what_is_wrong_with_a_post_mortem_is_said_with_its_line(
    book: Path, old: str, new: str, error: str
) -> None:
    path, text = _postmortem(book)
    filled = text.replace("| A1 | Action", "| A1 |").replace(
        "| A1 | | next", "| A1 | | next" if "Id, Action" in error else "| A1 | watch it | next"
    )
    assert old in filled
    path.write_text(filled.replace(old, new, 1))
    found = [str(each) for each in postmortem.read(book, path).errors]
    name = "source/postmortems/INC-2026-11-26-001.md:"
    assert any(each.startswith(name) and error in each for each in found), found


def test_rows_out_of_order_are_an_error(book: Path) -> None:
    path, text = _postmortem(book)
    row = next(line for line in text.split("\n") if line.startswith("| 2026-11-26T03"))
    path.write_text(text.replace(row, row + "\n" + row.replace("T03:12:05", "T03:12:04")))
    errors = [each for each in postmortem.read(book, path).errors if "order" in each.code]
    assert [each.message for each in errors] == [
        "2026-11-26T03:12:04Z stands after 2026-11-26T03:12:05Z"
    ]


def test_the_post_mortems_of_this_book_are_right() -> None:
    found = postmortem.read_all(ROOT)
    assert found, "the worked example is gone"
    assert [str(error) for page in found for error in page.errors] == []


def test_people_are_seen_and_roles_and_products_are_not() -> None:
    text = "Technical Lead, Incident Commander, Reference Platform, Data Protection, Stripe Paddle"
    assert list(people.named(text)) == []
    assert list(people.named("Mary Johnson wrote to jane.doe@example.com")) == [
        "jane.doe@example.com",
        "Mary Johnson",
    ]


def test_a_role_that_nobody_can_reach_is_said(
    book: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roles = contacts.read(book)
    path = book / contacts.FILE
    text = path.read_text()
    path.write_text(text.replace('reach: ""', "reach: pager 1", 1))
    assert contacts.read(book)["on-call-engineer"].reach == "pager 1"
    path.write_text(text.replace("  decides: ", "  says: ", 1))
    with pytest.raises(PageError, match="contacts: entry 1 does not have exactly the keys"):
        contacts.read(book)
    assert roles["scribe"].name == "Scribe"


def test_the_command_line_refuses_in_words(
    book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(book)
    assert __main__.main(["note", "INC-2026-01-01-001", "x"]) == 1
    assert "no-incident: there is no incident 'INC-2026-01-01-001'" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        __main__.main(["new", "--severity", "P1"])
    assert ended.value.code == 4
