"""Writes the control plane's OpenAPI document (`python3 -m smartbeak.openapi`)."""

from __future__ import annotations

import json
from pathlib import Path

from smartbeak import handlers, settings
from smartbeak.api import ControlPlane

PATH = Path(__file__).parent.parent / "openapi.json"
"""Where it is kept."""

# None of them counts for the document, and nothing is connected to.
_ANY = {
    "NODE_ENV": "production",
    "LOG_LEVEL": "info",
    "CONTROL_PLANE_DB": "postgres://nobody@nowhere/none",
    "REDIS_URL": "redis://nowhere:6379/0",
    "JWT_KEY_1": "1" * 32,
    "JWT_KEY_2": "2" * 32,
}


def text() -> str:
    """The document."""
    plane = ControlPlane(settings.load(_ANY, "api"))
    return json.dumps(handlers.document(plane.app), indent=2) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
