"""Names of production on the pages about architecture, held against the facts."""

from __future__ import annotations

import re
from typing import Any

import pytest

from smartbeak.process.settings import VARIABLES
from tests.stack.box import FACTS, PLATFORM

PAGES = sorted((PLATFORM.parent.parent / "source/architecture").rglob("*.md"))
NOT_VARIABLES = {
    *("ON_ERROR_STOP", "OLDEST_S"),  # of psql, of a Python block
    *("INVALID_ACCESS_TOKEN",),  # LinkedIn's
    *(each["code"] for each in FACTS["refusals"].values() if each["code"]),
}


def test_each_variable_on_a_page_is_known() -> None:
    known = {*FACTS["variables"], *FACTS["production-variables"], *VARIABLES}
    named: dict[str, str] = {}
    for page in PAGES:
        for name in re.findall(r"\b[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+\b", page.read_text()):
            named[name] = page.name
    unknown = {name: page for name, page in named.items() if name not in known | NOT_VARIABLES}
    assert unknown == {}
    assert set(FACTS["production-variables"]) <= set(named)


def test_each_deployment_on_a_page_is_known_and_has_its_pods() -> None:
    named = {
        name
        for page in PAGES
        for name in re.findall(r"(?<![\w-])prod-(?:api|web|worker|[a-z]+)\b(?!-)", page.read_text())
    }
    assert named == set(FACTS["deployments"])
    page = next(page for page in PAGES if page.name == "deployment.md").read_text()
    for name, about in FACTS["deployments"].items():
        least, most = about["pods"]
        assert f"{name}<br>{least} to {most} pods" in page, name


@pytest.mark.parametrize("key", FACTS["production-sources"])
def test_each_source_is_a_commit_and_a_path(key: str) -> None:
    source: dict[str, Any] = FACTS["production-sources"][key]
    assert re.fullmatch(r"[0-9a-f]{40}", source["commit"])
    assert source["path"]


def test_each_name_has_a_source_that_is_there() -> None:
    used = {*FACTS["production-variables"].values()} - {"not traced"}
    used |= {about["source"] for about in FACTS["deployments"].values()}
    used |= {about["source"] for about in FACTS["cluster"].values()}
    assert used <= set(FACTS["production-sources"])
