"""The triage trees: what is refused, what is found, and that every branch can be found."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from smartbeak_ops import tree
from smartbeak_ops.looks.seen import Look, Seen, look
from tests.conftest import ROOT

OPS = ROOT / "examples/ops"

HEAD = "subject: redis\ntitle: T\nhub: h\nrows:\n"
ROW = "  - symptom: s\n    when: {redis: refused}\n    branch: a/b\n"


@pytest.mark.parametrize("subject", tree.SUBJECTS)
def test_every_tree_can_be_used(subject: str) -> None:
    found = tree.load(subject)
    assert found.subject == subject
    assert all(row.branch.startswith((found.hub, "runbooks/")) for row in found.rows)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rows: [}", "redis.yaml:1: is no YAML"),
        ("subject: redis\n", "redis.yaml:1: must have subject, title, hub and rows"),
        (HEAD.replace("redis", "mail") + ROW, "redis.yaml:1: subject must be one of postgres"),
        (HEAD, "redis.yaml:1: has no rows"),
        (HEAD + "  - symptom: s\n", "redis.yaml:5: a row has symptom, when and branch"),
        (HEAD + ROW + "    sort: x\n", "redis.yaml:5: a row has symptom, when and branch"),
        (HEAD + ROW.replace("{redis: refused}", "x"), "redis.yaml:5: when must name facts"),
        (HEAD + ROW.replace("a/b", "A b"), "redis.yaml:5: 'A b' is no document of the book"),
        (HEAD + ROW + "    severity: P9\n", "redis.yaml:5: severity must be one of P0"),
        (HEAD + ROW.replace("redis:", "radis:"), "redis.yaml:5: there is no fact 'radis'"),
        (HEAD + ROW.replace("refused", "gone"), "redis.yaml:5: redis is never 'gone': master"),
        (
            HEAD + ROW.replace("redis: refused", "jobs.missing: many"),
            "redis.yaml:5: jobs.missing is a number",
        ),
        (
            HEAD + ROW.replace("redis: refused", "redis.full: yes please"),
            "redis.yaml:5: redis.full is true or false",
        ),
        (HEAD + ROW + ROW, "redis.yaml:8: is never reached: line 5 fits whenever it does"),
        (
            HEAD
            + ROW.replace("redis: refused", "jobs.missing: '> 0'")
            + ROW.replace("redis: refused", "jobs.missing: '> 5', redis: master"),
            "redis.yaml:8: is never reached: line 5",
        ),
        (
            HEAD + ROW.replace("refused", "[refused, starting]") + ROW,
            "redis.yaml:8: is never reached: line 5",
        ),
    ],
)
def test_a_wrong_tree_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(tree.TreeError) as refused:
        tree.parse(text, "redis.yaml")
    assert str(refused.value).startswith(said)


def test_the_first_row_that_fits_is_the_branch() -> None:
    found = tree.parse(
        HEAD
        + ROW.replace("redis: refused", "redis: [refused, starting], jobs.missing: '>= 2'")
        + ROW.replace("a/b", "a/c")
        + ROW.replace("a/b", "a/d").replace("redis: refused", "redis.full: true"),
        "redis.yaml",
    )
    branches = [
        row and row.branch
        for row in (
            found.first({"redis": "refused", "jobs.missing": 2}),
            found.first({"redis": "refused", "jobs.missing": 1}),
            found.first({"redis": "refused"}),
            found.first({"redis.full": True}),
            found.first({"redis.full": False}),
            found.first({}),
        )
    ]
    assert branches == ["a/b", "a/c", "a/c", "a/d", None, None]


def test_a_look_that_hangs_or_breaks_does_not_hold_up_the_others() -> None:
    def hang(seen: Seen) -> None:
        seen.say("half", redis="master")
        time.sleep(60)

    def broken(seen: Seen) -> None:
        raise ValueError("odd")

    found = look(
        [
            Look("first", hang),
            Look("second", broken),
            Look("third", lambda seen: seen.say("third: well")),
        ],
        limit_s=5.0,
    )
    assert found.lines == [
        *("half", "first: no answer within 5 s", "second: cannot be told: ValueError: odd"),
        "third: well",
    ]
    assert found.facts == {"redis": "master"}
    assert found.unseen == ["first", "second"]


def test_it_starts_without_its_clients() -> None:
    """What makes it start at once: nothing but the command line is loaded for help."""
    code = (
        "import sys; sys.argv = ['sb', '--help']\n"
        "from smartbeak_ops import cli\n"
        "try: cli.sb()\n"
        "except SystemExit: pass\n"
        "import json; print('\\n' + json.dumps(sorted(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=OPS, capture_output=True, text=True, check=True
    )
    loaded = json.loads(ended.stdout.splitlines()[-1])
    assert not {"psycopg", "redis", "httpx", "urllib3", "yaml", "bullmq", "jwt"} & set(loaded)
    assert "  triage " in ended.stdout


def test_triage_loads_what_it_asks_with_and_nothing_more() -> None:
    """A page starts `sb` ten times: packages that it does not use would be most of its work."""
    code = (
        "import importlib, json, sys\n"
        "from smartbeak_ops import settings, triage\n"
        "from smartbeak_ops.commands.look import SUBJECTS\n"
        "settings.known = lambda host: False\n"
        "for subject in SUBJECTS: triage._of(subject, settings.Settings({}))\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=OPS, capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(ended.stdout))
    assert {"psycopg", "redis"} <= loaded
    assert not {"stripe", "httpx", "rich", "opentelemetry", "cryptography.hazmat"} & loaded
