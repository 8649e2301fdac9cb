"""Paddle, as whoever holds a key of its API reaches it."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

from smartbeak_drills.places import PADDLE_KEY, PADDLE_URL
from smartbeak_drills.users.calls import Line

_TIMEOUT_S = 5.0
_PAGE = "200"


class Paddle:
    """One kept connection."""

    def __init__(self) -> None:
        self._line = Line(PADDLE_URL, timeout_s=_TIMEOUT_S)

    def post(self, path: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Asks for a change; returns what is under `data`.

        Args:
            path: As `/customers`.
            fields: The body.

        Raises:
            CallError: It was refused, or no answer came.
            OSError: The key of the API cannot be read.
        """
        return self._ask("POST", path, fields)

    def patch(self, path: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Changes an entity; see `post`."""
        return self._ask("PATCH", path, fields)

    def all(self, path: str, **fields: str) -> Iterator[dict[str, Any]]:
        """Every entity of a list, newest first.

        Raises:
            CallError: As for `post`.
        """
        query = urllib.parse.urlencode({"per_page": _PAGE, **fields})
        path = f"{path}?{query}"
        while True:
            page = self._line.call("GET", path, token=_key()).body
            yield from page["data"]
            pages = page["meta"]["pagination"]
            if not pages["has_more"]:
                return
            path = pages["next"].removeprefix(PADDLE_URL)

    def _ask(self, method: str, path: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        said = self._line.call(method, path, token=_key(), body=dict(fields))
        found: dict[str, Any] = said.body["data"]
        return found


def _key() -> str:
    return PADDLE_KEY.read_text().strip()
