"""What runs measured of the blocks: which take longest, and on which servers they ran."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drillbook.model import Plan, Report


@dataclass(frozen=True, slots=True)
class Slow:
    """How long one block took on one backend."""

    id: str
    """The snippet's id."""

    backend: str
    took_s: float
    """Seconds of its commands at the last try."""

    waited_s: float
    """Seconds until what it expects was so; 0 where it does not wait."""

    @property
    def whole_s(self) -> float:
        """Seconds that a reader sits before it."""
        return self.took_s + self.waited_s


def slowest(plan: Plan, reports: Sequence[Report], many: int) -> tuple[Slow, ...]:
    """The blocks that take a reader longest, the longest first.

    A run counts only if it passed and was of the text that the page has now.
    """
    current = {
        snippet.id: snippet.digest
        for page in plan.pages
        for scenario in page.scenarios
        for snippet in scenario.snippets
    }
    found = [
        Slow(result.id, report.backend, result.duration_s, result.waited_s)
        for report in reports
        for result in report.results
        if result.status == "passed" and current.get(result.id) == result.digest
    ]
    return tuple(sorted(found, key=lambda each: (-each.whole_s, each.id, each.backend))[:many])


def versions(reports: Sequence[Report]) -> dict[str, dict[str, str]]:
    """By server the version that each backend's runs had; several are separated by commas."""
    known: dict[str, dict[str, set[str]]] = {}
    for report in reports:
        for result in report.results:
            for server, version in (result.versions or {}).items():
                known.setdefault(server, {}).setdefault(report.backend, set()).add(version)
    return {
        server: {backend: ", ".join(sorted(those)) for backend, those in sorted(by.items())}
        for server, by in sorted(known.items())
    }
