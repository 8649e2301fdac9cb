"""A process that serves HTTP: how it begins and how it ends."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from smartbeak.process import logs, settings
from smartbeak.process.logs import Log
from smartbeak.process.settings import Settings

DRAIN_S = 8
"""Seconds that requests and jobs in hand have to end."""

log = Log("process")


def start(role: str) -> Settings:
    """The settings of a process that begins; ends it where they are not right.

    Args:
        role: `api`, `web` or `worker`.
    """
    gc.freeze()
    gc.enable()
    try:
        found = settings.load(os.environ, role)
    except settings.SettingsError as error:
        logs.install(f"smartbeak-{role}", "info")
        log.fatal("cannot start", error=str(error))
        sys.exit(1)
    logs.install(found.service, found.level)
    if found.traces:
        try:
            _tracing().start(found)
        except OSError as error:
            log.fatal("cannot start", error=f"OTEL_EXPORTER_OTLP_ENDPOINT: {error}")
            sys.exit(1)
    return found


def _tracing() -> Any:
    """The module that traces; loaded late, as it says."""
    return importlib.import_module("smartbeak.process.tracing")


class Server(uvicorn.Server):
    """A server that says when it begins and ends, in the process's own log.

    Args:
        app: What to serve.
        settings: Where to listen, and whether to trace.
        ending: Called when the process is asked to end, before it stops listening.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, ending: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(
            uvicorn.Config(
                _tracing().served(app) if settings.traces else app,
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                timeout_graceful_shutdown=DRAIN_S,
                lifespan="on",
                interface="asgi3",
                loop="asyncio",
                ws="none",
            )
        )
        self._ending = ending

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Begins to listen."""
        await super().startup(sockets)
        if self.started:
            log.info("listening", host=self.config.host, port=self.config.port)

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        """Ends what it has begun."""
        await super().shutdown(sockets)
        # Raised again, they would make a regular end look like a crash.
        self._captured_signals.clear()
        log.info("stopped")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Takes a signal to end."""
        if not self.should_exit:
            log.info("ending", signal=sig)
            self._ending()
        super().handle_exit(sig, frame)


def run(server: uvicorn.Server) -> None:
    """Serves until a signal ends it; a second run of the loop is never needed."""
    asyncio.run(server.serve())
    if not server.started:
        sys.exit(1)
