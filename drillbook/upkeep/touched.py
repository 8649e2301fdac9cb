"""Which pages a change of the stack touches."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from drillbook.model import Page, Plan

_FOLDER = re.compile(r"/opt/[a-z]+/([a-z][\w-]*)/")
"""A folder of the stack as its definition names it on the hosts."""

STACK = "examples"


def folders(root: Path) -> dict[str, frozenset[str]]:
    """The folders under `examples/` that each service is made of, by service."""
    stack = yaml.safe_load((root / STACK / "compose.yaml").read_text(encoding="utf-8"))
    services: Mapping[str, Any] = stack["services"]
    found: dict[str, set[str]] = {
        name: set(_FOLDER.findall(yaml.safe_dump(body))) for name, body in services.items()
    }

    def whole(name: str, seen: frozenset[str] = frozenset()) -> set[str]:
        needed = services[name].get("depends_on") or ()
        return found[name].union(
            *(whole(each, seen | {name}) for each in needed if each not in seen)
        )

    return {name: frozenset(whole(name)) for name in services}


def pages(root: Path, plan: Plan, changed: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The changed files that touch each page, by docname.

    Args:
        root: The project's folder.
        plan: The book's.
        changed: Paths relative to the project.
    """
    made_of = folders(root)
    found: dict[str, list[str]] = {}
    for path in changed:
        for page in plan.pages:
            if path == page.path or _touches(path, page, made_of):
                found.setdefault(page.docname, []).append(path)
    return {name: tuple(paths) for name, paths in sorted(found.items())}


def _touches(path: str, page: Page, made_of: Mapping[str, frozenset[str]]) -> bool:
    parts = path.split("/")
    if parts[0] != STACK or not page.scenarios:
        return False
    if len(parts) == 2 or parts[1] in ("bin", "host"):
        return True
    used = {s for scenario in page.scenarios for s in scenario.services}
    return any(parts[1] in made_of.get(service, ()) for service in used) or (
        parts[1] == "drills" and any(scenario.drill for scenario in page.scenarios)
    )
