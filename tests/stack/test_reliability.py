"""Objectives and alerts: what makes them, what checks them, what shortens and receives them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from reliability import alerts, burn, objectives, receiver, scale
from reliability.objectives import FOLDER, RulesError
from tests.conftest import ROOT

GOALS = [each.name for each in objectives.load()]
PAGES = {each.address for each in alerts.load()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the files that may be broken."""
    return Path(shutil.copytree(FOLDER, tmp_path / "reliability"))


def change(path: Path, old: str, new: str) -> int:
    """Replaces the first of it and says in which line it stood."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


def test_the_budgets_alerts_are_those_of_the_objectives() -> None:
    assert burn.FILE.read_text() == burn.text(objectives.load())


def test_no_alert_is_an_orphan() -> None:
    assert list(alerts.orphans(alerts.load(), PAGES, GOALS)) == []


def test_an_objective_without_query_is_refused_at_its_line(folder: Path) -> None:
    file = folder / "slo.yaml"
    query = "query: sum(increase(publishing_delay_seconds_count[30d]))"
    line = change(file, query, 'query: ""')
    with pytest.raises(RulesError) as caught:
        objectives.load(file)
    assert str(caught.value).startswith(f"examples/reliability/slo.yaml:{line}: ")
    assert "ratioMetric.total.metricSource.spec.query: '' " in str(caught.value)


def test_an_alert_without_runbook_is_refused_at_its_line(folder: Path) -> None:
    url = "          runbook_url: https://docs.smartbeak.com/runbooks/database-failover/primary-dead.html\n"
    change(folder / "alerts.yaml", url, "")
    with pytest.raises(RulesError) as caught:
        alerts.load(folder)
    assert str(caught.value) == (
        "examples/reliability/alerts.yaml:10: DatabaseUnreachable has no runbook_url"
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "database-failover/primary-dead.html", "database-failover/no-such.html",
            "its runbook 'runbooks/database-failover/no-such' is no page of this book",
        ),
        (
            "database-failover/primary-dead.html", "database-failover/primary-dead.html#no-such",
            "its runbook 'runbooks/database-failover/primary-dead#no-such' is no page",
        ),
        ("https://docs.smartbeak.com/", "https://example.com/", "runbook_url is no page of"),
        ("slo: content-creation", "slo: uptime", "slo.yaml has no objective 'uptime'"),
    ],
)  # fmt: skip
def test_what_leads_nowhere_is_said_at_its_line(
    folder: Path, old: str, new: str, said: str
) -> None:
    change(folder / "alerts.yaml", old, new)
    (error,) = alerts.orphans(alerts.load(folder), PAGES, GOALS, folder)
    assert str(error).startswith("examples/reliability/alerts.yaml:10: DatabaseUnreachable: ")
    assert said in str(error)


def test_an_alert_is_raised_live_or_its_page_says_why_not() -> None:
    pages = {
        path.name: path.read_text() for path in (ROOT / "source/reliability").glob("alert*.md")
    }
    shown = "\n".join(pages.values())
    _, _, table = pages["alerts-together.md"].partition("## Not raised live")
    for each in alerts.load():
        live = re.search(rf"(?m)^{each.seen}\b", shown) is not None
        named = f"| `{each.name}` |" in table
        assert live != named, each.name


def test_an_alert_that_no_test_raises_is_said(folder: Path) -> None:
    change(folder / "alerts.test.yaml", "name: QueuePaused", "name: QueueHalted")
    (error,) = alerts.orphans(alerts.load(folder), PAGES, GOALS, folder)
    assert error.message == "QueuePaused has no test that raises it"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("for: 15m", "for: 45s"),
        ("rate(x[5m])", "rate(x[15000ms])"),
        ("x offset 1d) > 900", "x offset 4320000ms) > 900"),
        ("{group_wait: 30s, repeat_interval: 4h}", "{group_wait: 30s, repeat_interval: 4h}"),
        ("summary: for 5m", "summary: for 5m"),
    ],
)
def test_durations_are_divided_and_nothing_else(old: str, new: str) -> None:
    expected = new.replace("45s", "45000ms").replace("30s", "1500ms").replace("4h", "720000ms")
    assert scale.shorter(old, 20) == expected


def test_the_receiver_writes_a_line_for_each_alert() -> None:
    alert = {
        "status": "firing", "startsAt": "a", "endsAt": "b",
        "labels": {"alertname": "X", "severity": "P1"},
        "annotations": {"summary": "s", "runbook_url": "u"},
    }  # fmt: skip
    (line,) = receiver.lines({"receiver": "page", "alerts": [alert]})
    assert json.loads(line) == {
        "status": "firing", "alert": "X", "severity": "P1", "receiver": "page", "summary": "s",
        "runbook_url": "u", "startsAt": "a", "endsAt": "b",
    }  # fmt: skip
