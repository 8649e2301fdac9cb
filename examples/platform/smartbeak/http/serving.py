"""A process that serves HTTP: how it begins and how it ends."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from smartbeak.process import logs, settings
from smartbeak.process.logs import Log
from smartbeak.process.settings import Settings

DRAIN_S = 8
"""Seconds that requests and jobs in hand have to end."""

RETIRE_S = 1.5
"""Seconds for which a server that is relieved goes on: each answer ends its connection, so
that its clients come back to the one that relieves it, and none is cut off."""

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


class _Farewell:
    """Ends the connection with each answer, once it is told to.

    Args:
        app: What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.closing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""

        async def told(message: Message) -> None:
            if self.closing and message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        await self._app(scope, receive, told)


class Server(uvicorn.Server):
    """A server that says when it begins and ends, in the process's own log.

    SIGUSR1 tells it that another one listens at its address and relieves it.

    Args:
        app: What to serve.
        settings: Where to listen, and whether to trace.
        ending: Called when the process is asked to end, before it stops listening.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, ending: Callable[[], None] = lambda: None
    ) -> None:
        self._farewell = _Farewell(_tracing().served(app) if settings.traces else app)
        super().__init__(
            uvicorn.Config(
                self._farewell,
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
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._retire)
            log.info("listening", host=self.config.host, port=self.config.port)

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        """Ends what it has begun."""
        await super().shutdown(sockets)
        # Raised again, they would make a regular end look like a crash.
        self._captured_signals.clear()
        log.info("stopped")

    def _retire(self) -> None:
        log.info("relieved")
        self._farewell.closing = True
        asyncio.get_running_loop().call_later(RETIRE_S, self.handle_exit, int(signal.SIGTERM), None)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Takes a signal to end."""
        if not self.should_exit:
            log.info("ending", signal=sig)
            self._ending()
        super().handle_exit(sig, frame)


SHARED = "SMARTBEAK_SHARES_PORT"
"""Set where a process may be relieved by one beside it: on the platform's hosts."""


def run(server: uvicorn.Server) -> None:
    """Serves until a signal ends it; a second run of the loop is never needed."""
    # A developer who starts a second one is told that the port is taken.
    shared = [_listening(server.config)] if os.environ.get(SHARED) else None
    asyncio.run(server.serve(sockets=shared))
    if not server.started:
        sys.exit(1)


def _listening(config: uvicorn.Config) -> socket.socket:
    """A socket at the server's address, which one that relieves it may share.

    Raises:
        OSError: The address is taken by somebody who shares it with nobody.
    """
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind((config.host, config.port))
    return made
