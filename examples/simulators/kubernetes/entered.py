"""A command beside a pod's process: `kubectl exec` over a WebSocket, as of Kubernetes 1.31.

Each binary message begins with the number of its channel; the last one, on the channel of
errors, says how the command ended. A message on the channel of ends closes the one it names:
https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/4006-transition-spdy-to-websockets
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import termios
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Event, Ping

_SUBPROTOCOL = "v5.channel.k8s.io"
_IN, _OUT, _ERR, _END, _RESIZE, _CLOSE = 0, 1, 2, 3, 4, 255
_CHUNK = 1 << 15
_PATIENCE_S = 10.0
_END_OF_INPUT = b"\x04"
"""What a terminal takes for the end: Ctrl-D."""


@dataclass(frozen=True)
class Asked:
    """What a client asks for."""

    path: str
    headers: tuple[tuple[str, str], ...]
    argv: tuple[str, ...]
    stdin: bool
    """Whether it sends input."""
    tty: bool
    """Whether the command gets a terminal: then there is one output."""


def environment(pid: int) -> dict[str, str]:
    """What a process was started with, as every command in its container has it.

    Raises:
        OSError: It does not run.
    """
    said = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="surrogateescape")
    return dict(each.split("=", 1) for each in said.split("\0") if "=" in each)


def serve(connection: socket.socket, asked: Asked, variables: Mapping[str, str]) -> None:
    """Takes a connection over, runs a command and hands on what it reads and prints.

    Args:
        connection: The client's, whose request was read.
        asked: The request.
        variables: The command's environment.
    """
    speaking = WSConnection(ConnectionType.SERVER)
    sent = [(name.lower().encode(), value.encode()) for name, value in asked.headers]
    speaking.initiate_upgrade_connection(sent, asked.path)
    list(speaking.events())  # the request itself
    with contextlib.suppress(OSError):  # the client went away
        _send(connection, speaking, AcceptConnection(subprotocol=_SUBPROTOCOL))
        said = json.dumps(_run(connection, speaking, asked, variables)).encode()
        _send(connection, speaking, BytesMessage(bytes([_END]) + said))
        _send(connection, speaking, CloseConnection(code=1000))
        # Whoever closes on input that nobody read takes the answer back with it.
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(_PATIENCE_S)
        while connection.recv(_CHUNK):
            pass


def _run(
    connection: socket.socket, speaking: WSConnection, asked: Asked, variables: Mapping[str, str]
) -> Mapping[str, Any]:
    first = asked.argv[0]
    if shutil.which(first, path=variables.get("PATH")) is None:
        why = f'exec: "{first}": executable file not found in $PATH'
        return _ended(500, "InternalError", f"error executing command in container: {why}")
    with _started(asked, variables) as process:
        try:
            _Streams(connection, speaking, process).hand_on()
        except OSError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            raise
    status = process.returncode
    if status == 0:
        return {"metadata": {}, "status": "Success"}
    code = str(status if status > 0 else 128 - status)
    message = f"command terminated with non-zero exit code: exit status {code}"
    causes = [{"reason": "ExitCode", "message": code}]
    return {**_ended(0, "NonZeroExitCode", message), "details": {"causes": causes}}


def _started(asked: Asked, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """The command; with a terminal its `stdin` is both, and there is no `stdout`."""
    argv = ["setpriv", "--pdeathsig", "KILL"]
    if not asked.tty:
        return subprocess.Popen(
            [*argv, *asked.argv], env=dict(variables), start_new_session=True,
            stdin=subprocess.PIPE if asked.stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
    here, there = os.openpty()
    try:
        process = subprocess.Popen(
            [*argv, "setsid", "--ctty", *asked.argv], env={"TERM": "xterm", **variables},
            stdin=there, stdout=there, stderr=there,
        )  # fmt: skip
    except BaseException:
        os.close(here)
        raise
    finally:
        os.close(there)
    process.stdin = os.fdopen(here, "r+b", buffering=0)
    return process


@dataclass
class _Streams:
    """What goes between a client and a command."""

    connection: socket.socket
    speaking: WSConnection
    process: subprocess.Popen[bytes]
    waiting: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    unread: bytearray = field(default_factory=bytearray)
    """Input that the command has not taken yet."""
    ends: bool = False
    """Whether no more of it comes."""
    message: bytearray = field(default_factory=bytearray)
    """The beginning of one that has not come as a whole."""

    @property
    def is_terminal(self) -> bool:
        """Whether one descriptor is both input and output."""
        return self.process.stdout is None

    def hand_on(self) -> None:
        """Until all outputs are closed.

        Raises:
            OSError: The client went away.
        """
        process = self.process
        outputs = {process.stdin: _OUT} if self.is_terminal else {
            process.stdout: _OUT, process.stderr: _ERR,
        }  # fmt: skip
        with self.waiting as waiting:
            for pipe, channel in outputs.items():
                assert pipe is not None
                waiting.register(pipe, selectors.EVENT_READ, channel)
            waiting.register(self.connection, selectors.EVENT_READ)
            if process.stdin:
                os.set_blocking(process.stdin.fileno(), False)
            left = len(outputs)
            while left:
                for key, events in waiting.select():
                    if key.data is None:
                        self._listen()
                        continue
                    if events & selectors.EVENT_WRITE:
                        self._feed()
                    if events & selectors.EVENT_READ and not self._told(key.fd, key.data):
                        waiting.unregister(key.fileobj)
                        left -= 1

    def _told(self, descriptor: int, channel: int) -> bool:
        """Sends on what a command printed; false at the end."""
        try:
            said = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return True
        except OSError:  # a terminal that nobody has open any more
            return False
        if said:
            _send(self.connection, self.speaking, BytesMessage(bytes([channel]) + said))
        return bool(said)

    def _listen(self) -> None:
        said = self.connection.recv(_CHUNK)
        if not said:
            raise ConnectionResetError
        self.speaking.receive_data(said)
        for each in self.speaking.events():
            if isinstance(each, CloseConnection):
                raise ConnectionResetError
            if isinstance(each, Ping):
                _send(self.connection, self.speaking, each.response())
            if isinstance(each, BytesMessage):
                self.message += each.data
                if each.message_finished:
                    self._take(self.message[0], bytes(self.message[1:]))
                    self.message.clear()

    def _take(self, channel: int, data: bytes) -> None:
        pipe = self.process.stdin
        if pipe is None or pipe.closed:
            return
        if channel == _IN:
            self.unread += data
        elif channel == _CLOSE and data == bytes([_IN]):
            self.ends = True
            if self.is_terminal:
                self.unread += _END_OF_INPUT
        elif channel == _RESIZE and self.is_terminal:
            size = json.loads(data)
            packed = struct.pack("HHHH", size["Height"], size["Width"], 0, 0)
            fcntl.ioctl(pipe.fileno(), termios.TIOCSWINSZ, packed)
        self._feed()

    def _feed(self) -> None:
        """Writes what the command takes now, and waits for it to take the rest."""
        pipe = self.process.stdin
        assert pipe is not None
        try:
            while self.unread:
                del self.unread[: os.write(pipe.fileno(), self.unread[:_CHUNK])]
        except BlockingIOError:
            pass
        except OSError:  # it reads no more
            self.unread.clear()
            self.ends = True
        if self.is_terminal:
            wanted = selectors.EVENT_WRITE if self.unread else 0
            if pipe in self.waiting.get_map():
                self.waiting.modify(pipe, selectors.EVENT_READ | wanted, _OUT)
            return
        watched = pipe in self.waiting.get_map()
        if self.unread and not watched:
            self.waiting.register(pipe, selectors.EVENT_WRITE, _IN)
        elif watched and not self.unread:
            self.waiting.unregister(pipe)
        if self.ends and not self.unread:
            pipe.close()


def _send(connection: socket.socket, speaking: WSConnection, event: Event) -> None:
    connection.sendall(speaking.send(event))


def _ended(code: int, reason: str, message: str) -> dict[str, Any]:
    said = {"metadata": {}, "status": "Failure", "reason": reason, "message": message}
    return {**said, "code": code} if code else said
