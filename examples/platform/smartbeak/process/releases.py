"""Releases of the platform, made of one source: each is good, or has one named defect.

The tag of an image names its release; a process is told with `SMARTBEAK_RELEASE`. Without
it, as on hosts where nothing is deployed by image, the newest good one runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

VARIABLE = "SMARTBEAK_RELEASE"
"""What a process is told its release with."""

ERROR_EVERY = 10
"""Of so many requests one fails in the release that errs."""

SLOW_S = 1.0
"""What each request takes longer in the release that is slow: more than a slow machine takes."""

LEAK_BYTES = 1 << 20
"""What the same release keeps of each request."""

_PROBES = frozenset({"/readyz", "/livez", "/metrics", "/health"})

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]


@dataclass(frozen=True)
class Release:
    """One release."""

    about: str
    """What is new in it, in a few words."""

    ready: bool = True
    """Whether the API and the web host ever say that they take requests."""

    errs: bool = False
    """Whether one of ten requests to the API fails."""

    slow: bool = False
    """Whether each request to the API takes longer, and leaves something in memory."""

    works: bool = True
    """Whether the worker gets beyond its start."""

    plans: bool = True
    """Whether the limits of the API know every user's plan; they ask for it when content is
    written."""

    redirects: bool = False
    """Whether old paths are sent on without an exception for probes, as production's API does."""

    slugs: bool = False
    """Whether content has slugs; its migration makes them mandatory, which older releases
    do not know."""


GOOD = Release("good")

RELEASES: Mapping[str, Release] = {
    "3f9c2d1": GOOD,
    "b41e7a0": GOOD,
    "a7e4b60": Release("waits for a setting that production does not have", ready=False),
    "c82d915": Release("a tenth of the requests finds a list empty", errs=True),
    "e5b017f": Release("answers are rendered anew each time", slow=True),
    "d60fa28": Release("the worker asks for a module that the image lacks", works=False),
    "f4b81a6": Release("limits go by the user's plan, which no user has", plans=False),
    "9d46c3e": Release("content has slugs", slugs=True),
    "2fb7d06": Release("all paths without a version are sent on", redirects=True),
}
"""By the tag of the image."""


def of(environ: Mapping[str, str]) -> Release:
    """The release that a process is.

    Args:
        environ: Its environment.

    Raises:
        KeyError: There is no such release.
    """
    tag = environ.get(VARIABLE, "")
    return RELEASES[tag] if tag else GOOD


class Defects:
    """A layer of an HTTP program in which its release does what is wrong with it.

    Args:
        app: What is behind it.
        release: Whose defects.
    """

    def __init__(self, app: App, release: Release) -> None:
        self._app = app
        self._release = release
        self._count = 0
        self._kept: list[bytearray] = []

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Handles one request, as ASGI demands."""
        if scope["type"] == "http" and scope["path"] not in _PROBES:
            self._count += 1
            if self._release.errs and self._count % ERROR_EVERY == 0:
                raise IndexError("list index out of range")
            if self._release.slow:
                self._kept.append(bytearray(b"x" * LEAK_BYTES))
                await asyncio.sleep(SLOW_S)
        await self._app(scope, receive, send)
