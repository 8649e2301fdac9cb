"""Writes the OpenAPI documents of the HTTP programs (`python3 -m smartbeak.openapi`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from smartbeak.api.control_plane import ControlPlane
from smartbeak.http import handlers
from smartbeak.process import settings
from smartbeak.web.host import WebHost

_FOLDER = Path(__file__).parent.parent

# None of them counts for the documents, and nothing is connected to.
_ANY = {
    "NODE_ENV": "production",
    "LOG_LEVEL": "info",
    "CONTROL_PLANE_DB": "postgres://nobody@nowhere/none",
    "REDIS_URL": "redis://nowhere:6379/0",
    "JWT_KEY_1": "1" * 32,
    "JWT_KEY_2": "2" * 32,
    "STRIPE_WEBHOOK_SECRET": "stripe",
    "PADDLE_WEBHOOK_SECRET": "paddle",
    "CLERK_WEBHOOK_SECRET": "clerk",
}


def texts() -> Mapping[Path, str]:
    """The documents, by where they are kept."""
    api, web = ControlPlane(settings.load(_ANY, "api")), WebHost(settings.load(_ANY, "web"))
    apps = {"openapi.json": api.app, "openapi-web.json": web.app}
    return {
        _FOLDER / name: json.dumps(handlers.document(app), indent=2) + "\n"
        for name, app in apps.items()
    }


if __name__ == "__main__":
    for path, text in texts().items():
        path.write_text(text, encoding="utf-8")
