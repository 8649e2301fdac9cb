"""The routes of an OpenAPI document as a table: who may, how often, and what is answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

ROLES, LIMIT = "x-roles", "x-requests-per-minute"
"""Extensions of an operation: roles that may use it, and how often one user may."""


def rows(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """One row for each operation: what it is and does, who may and how often, its statuses."""
    found: list[tuple[str, ...]] = []
    for path, operations in document["paths"].items():
        for method, about in operations.items():
            text = about.get("description") or about.get("summary") or ""
            limit = f"; {about[LIMIT]} a minute" if LIMIT in about else ""
            found.append(
                (
                    f"`{method.upper()} {path}`<br>{text}",
                    f"{', '.join(about.get(ROLES, ())) or 'public'}{limit}<br>"
                    + ", ".join(sorted(about["responses"])),
                )
            )
    return found


def statuses(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """One row for each status and meaning, with the operations that answer so counted."""
    found: dict[tuple[str, str], int] = {}
    for operations in document["paths"].values():
        for about in operations.values():
            for status, answer in about["responses"].items():
                key = (status, answer.get("description") or "")
                found[key] = found.get(key, 0) + 1
    return [(f"`{status}`", text, str(count)) for (status, text), count in sorted(found.items())]


class OpenapiTable(SphinxDirective):
    """`{openapi-routes} FILE` and `{openapi-statuses} FILE`, below the project's folder."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The table."""
        path = Path(self.env.app.confdir, self.arguments[0])
        for file in (str(path), __file__):
            self.env.note_dependency(file)
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            lines = rows(document) if self.name == "openapi-routes" else statuses(document)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            said = f"{self.arguments[0]} is no OpenAPI document: {error}"
            raise self.error(said) from error
        heads = (
            ("Route", "Roles; a user's limit; answers")
            if self.name == "openapi-routes"
            else ("Status", "Meaning", "Routes")
        )
        table = [heads, ["---"] * len(heads), *lines]
        return self.parse_text_to_nodes("\n".join(f"| {' | '.join(row)} |" for row in table))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers the directives."""
    app.add_directive("openapi-routes", OpenapiTable)
    app.add_directive("openapi-statuses", OpenapiTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
