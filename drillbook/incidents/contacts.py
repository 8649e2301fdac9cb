"""Roles: what each decides, and how it is reached.

How a role is reached is filled in by the organization that uses the book. What is not
filled in is shown as missing, on every page that names it and by `nox -s lint`.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from drillbook.errors import PageError, Where

FILE = "source/reference/contacts.yaml"
_ROLE = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Contact:
    """One role."""

    role: str
    """In kebab case, as in timelines and front matter."""

    name: str
    """As pages print it."""

    decides: str
    """What this role alone decides."""

    reach: str
    """How it is reached, the fastest way first; empty when nobody has filled it in."""


def read(root: Path) -> dict[str, Contact]:
    """The roles by their kebab-case names, in the file's order.

    Raises:
        PageError: `contacts` when an entry lacks a key or has another one.
    """
    text = (root / FILE).read_text(encoding="utf-8")
    found: dict[str, Contact] = {}
    for number, entry in enumerate(yaml.safe_load(text) or [], 1):
        keys = {"role", "name", "decides", "reach"}
        if not isinstance(entry, dict) or set(entry) != keys:
            raise PageError(
                "contacts",
                f"entry {number} does not have exactly the keys {', '.join(sorted(keys))}",
                where=Where(FILE),
                hint="leave `reach` empty when it is not known: it is then shown as missing",
            )
        contact = Contact(**{key: str(value or "").strip() for key, value in entry.items()})
        if not _ROLE.fullmatch(contact.role) or contact.role in found:
            raise PageError(
                "contacts", f"{contact.role!r} is no role of its own", where=Where(FILE)
            )
        found[contact.role] = contact
    return found


def main() -> int:
    """Prints a line for each role that nobody can reach; none of them is an error."""
    for contact in read(Path.cwd()).values():
        if not contact.reach:
            print(f"{FILE}: {contact.name}: how this role is reached is not filled in")
    return 0


if __name__ == "__main__":
    sys.exit(main())
