"""The API's routes, held against the facts."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.stack.box import FACTS, PLATFORM, Box


def operations(document: dict[str, Any]) -> dict[tuple[str, str], set[int]]:
    return {
        (method.upper(), path): {int(status) for status in operation["responses"]}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_the_routes_and_their_statuses_are_those_of_the_facts(box: Box) -> None:
    document = box.call("GET", "/openapi.json").body
    facts = {
        (method, path): set(fact["statuses"])
        for path, methods in FACTS["endpoints"].items()
        for method, fact in methods.items()
    }
    assert operations(document) == facts
    secured = {
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if "security" in operation
    }
    public = {
        (method, path)
        for path, methods in FACTS["endpoints"].items()
        for method, fact in methods.items()
        if fact.get("public")
    }
    assert secured == set(facts) - public


def test_the_document_is_the_one_that_is_kept(box: Box) -> None:
    kept = json.loads((PLATFORM / "openapi.json").read_text())
    assert box.call("GET", "/openapi.json").body == kept


def test_every_source_of_a_fact_about_behaviour_is_used_and_says_where() -> None:
    text = (PLATFORM / "facts.yaml").read_text()
    text = text[text.index("\nendpoints:\n") : text.index("\nproduction-sources:\n")]
    used = set(re.findall(r"\bsource: ([\w-]+)", text))
    used -= set(FACTS["production-sources"])  # held by test_production_names
    assert used == set(FACTS["behaviour-sources"])
    for key, source in FACTS["behaviour-sources"].items():
        assert re.fullmatch(r"[0-9a-f]{40}", source["commit"]) and source["path"], key


def test_a_defect_says_what_the_platform_does_and_what_is_here() -> None:
    assert {12, *range(22, 32), 37} <= set(FACTS["defects"])
    for number, text in FACTS["defects"].items():
        assert re.fullmatch(r"The platform.*\. Here .*\.\s*", text), number
