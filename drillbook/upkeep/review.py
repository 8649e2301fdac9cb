"""When each page is to be read through again, and by whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from drillbook.pages import frontmatter
from drillbook.verification import MAX_AGE_DAYS


@dataclass(frozen=True, slots=True)
class Review:
    """One page's turn."""

    docname: str
    owner: str
    cycle: str
    last: date
    due: date

    def overdue(self, today: date) -> bool:
        """Whether its day has passed."""
        return self.due < today


def calendar(source: Path) -> tuple[Review, ...]:
    """Every page that says who owns it and how often it is read, the next due first.

    Args:
        source: The folder of the pages.
    """
    return tuple(sorted(_reviews(source), key=lambda review: (review.due, review.docname)))


def unowned(source: Path) -> tuple[str, ...]:
    """Pages whose front matter lacks an owner, a cycle or a day, by docname."""
    known = {review.docname for review in _reviews(source)}
    return tuple(name for name, _ in _pages(source) if name not in known)


def owners(source: Path, organization: str) -> str:
    """The text of a CODEOWNERS file: each page with the team that answers for it.

    Args:
        source: The folder of the pages.
        organization: Whose teams the owners are, on GitHub.
    """
    found = sorted(_reviews(source), key=lambda review: review.docname)
    width = max((len(f"/source/{review.docname}.md") for review in found), default=0)
    lines = [
        f"{f'/source/{review.docname}.md':<{width}} @{organization}/{review.owner}"
        for review in found
    ]
    return "\n".join([_HEAD, *lines]) + "\n"


_HEAD = "# Made from the pages' front matter: nox -s owners"


def _reviews(source: Path) -> Iterator[Review]:
    for name, path in _pages(source):
        front, _, _ = frontmatter.read(path.read_text(encoding="utf-8"), str(path))
        if front.owner and front.review_cycle and front.last_reviewed:
            last = date.fromisoformat(front.last_reviewed)
            due = last + timedelta(days=MAX_AGE_DAYS[front.review_cycle])
            yield Review(name, front.owner, front.review_cycle, last, due)


def _pages(source: Path) -> list[tuple[str, Path]]:
    found = (path for path in source.rglob("*.md") if not _hidden(path.relative_to(source)))
    return sorted((path.relative_to(source).with_suffix("").as_posix(), path) for path in found)


def _hidden(path: Path) -> bool:
    return any(part.startswith("_") for part in path.parts)
