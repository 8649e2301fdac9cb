"""What of a book a session runs: `--page`, `--drill`, `--snippet`, `-k`, and what they need."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

import pytest

from drillbook.model import Page, Plan, Scenario
from drillbook.runs.items import ScenarioNode, SnippetItem, StepItem


def is_chosen(item: pytest.Item, config: pytest.Config) -> bool:
    """Whether `--page`, `--drill` and `--snippet` ask for an item."""
    if not isinstance(item, StepItem):
        return True
    option, node = config.option, item.parent
    if not is_wanted(node.page, node.scenario, option):
        return False
    if option.snippet:
        # What a scenario only runs as its prefix is at home elsewhere.
        if not isinstance(item, SnippetItem) or item.position < node.scenario.prefix:
            return False
        return bool({item.snippet.id, item.snippet.name} & set(option.snippet))
    return True


def is_wanted(page: Page, scenario: Scenario, option: Namespace) -> bool:
    """Whether `--page`, `--drill` and `--snippet` ask for something of a scenario."""
    if option.page and not {page.docname, page.path} & set(option.page):
        return False
    if option.drill:
        names = {scenario.id, scenario.drill.name} if scenario.drill else set()
        if not names & set(option.drill):
            return False
    if not option.snippet:
        return True
    own = scenario.snippets[scenario.prefix :]
    return any({snippet.id, snippet.name} & set(option.snippet) for snippet in own)


def with_predecessors(items: Sequence[pytest.Item]) -> Iterator[pytest.Item]:
    """The items, each scenario's with all the steps before its last selected one."""
    last: dict[ScenarioNode, int] = {}
    for item in items:
        if isinstance(item, StepItem):
            node = item.parent
            last[node] = max(last.get(node, -1), item.position)
    done: set[ScenarioNode] = set()
    for item in items:
        if not isinstance(item, StepItem):
            yield item
            continue
        node = item.parent
        if node in done:
            continue
        done.add(node)
        node.needed = last[node] + 1
        wanted = set(items)
        for step in node.collect():
            if 0 <= step.position < node.needed or (step.position < 0 and step in wanted):
                yield step


def nothing(config: pytest.Config, plan: Plan) -> str:
    """What to say when nothing was selected."""
    option = config.option
    scenarios = [scenario for page in plan.pages for scenario in page.scenarios]
    known = {
        "page": [page.docname for page in plan.pages],
        "drill": [scenario.drill.name for scenario in scenarios if scenario.drill],
        "snippet": [snippet.name for scenario in scenarios for snippet in scenario.snippets],
    }
    asked = [(kind, name) for kind in known for name in getattr(option, kind)]
    said = [f"--{kind} {name}" for kind, name in asked]
    said += [f"-k {option.keyword!r}"] if option.keyword else []
    text = "nothing-selected: no snippet matches " + (" ".join(said) or "what was given")
    if not any(known.values()):
        text = "nothing-selected: the book has no snippets"
    close = [
        f"--{kind} {match}"
        for kind, name in asked
        for match in get_close_matches(name.partition("#")[2] or name, known[kind], n=2)
        if match != name
    ]
    guess = f"did you mean {' or '.join(close)}? " if close else ""
    return f"{text}\n  hint: {guess}`drillbook list` names all"
