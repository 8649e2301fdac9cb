"""A command beside a pod's process: `kubectl exec` over a WebSocket, as of Kubernetes 1.31.

Each binary message begins with the number of its channel; the last one, on the channel of
errors, says how the command ended:
https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/4006-transition-spdy-to-websockets
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Event, Ping

_SUBPROTOCOL = "v5.channel.k8s.io"
_OUT, _ERR, _END = 1, 2, 3
_CHUNK = 1 << 15


def environment(pid: int) -> dict[str, str]:
    """What a process was started with, as every command in its container has it.

    Raises:
        OSError: It does not run.
    """
    said = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="surrogateescape")
    return dict(each.split("=", 1) for each in said.split("\0") if "=" in each)


def serve(
    connection: socket.socket,
    asked: tuple[str, Iterable[tuple[str, str]]],
    argv: Sequence[str],
    variables: Mapping[str, str],
) -> None:
    """Takes a connection over, runs a command and hands on what it prints.

    Args:
        connection: The client's, whose request was read.
        asked: Path and headers of the request.
        argv: The command.
        variables: Its environment.
    """
    path, headers = asked
    speaking = WSConnection(ConnectionType.SERVER)
    sent = [(name.lower().encode(), value.encode()) for name, value in headers]
    speaking.initiate_upgrade_connection(sent, path)
    list(speaking.events())  # the request itself
    with contextlib.suppress(OSError):  # the client went away
        _send(connection, speaking, AcceptConnection(subprotocol=_SUBPROTOCOL))
        said = json.dumps(_run(connection, speaking, argv, variables)).encode()
        _send(connection, speaking, BytesMessage(bytes([_END]) + said))
        _send(connection, speaking, CloseConnection(code=1000))


def _run(
    connection: socket.socket,
    speaking: WSConnection,
    argv: Sequence[str],
    variables: Mapping[str, str],
) -> Mapping[str, Any]:
    if shutil.which(argv[0], path=variables.get("PATH")) is None:
        why = f'exec: "{argv[0]}": executable file not found in $PATH'
        return _ended(500, "InternalError", f"error executing command in container: {why}")
    with subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *argv], env=dict(variables),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            _hand_on(connection, speaking, process)
        except OSError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    status = process.returncode
    if status == 0:
        return {"metadata": {}, "status": "Success"}
    code = str(status if status > 0 else 128 - status)
    message = f"command terminated with non-zero exit code: exit status {code}"
    causes = [{"reason": "ExitCode", "message": code}]
    return {**_ended(0, "NonZeroExitCode", message), "details": {"causes": causes}}


def _hand_on(
    connection: socket.socket, speaking: WSConnection, process: subprocess.Popen[bytes]
) -> None:
    """Until both outputs are closed.

    Raises:
        OSError: The client went away.
    """
    with selectors.DefaultSelector() as waiting:
        for pipe, channel in ((process.stdout, _OUT), (process.stderr, _ERR)):
            assert pipe is not None
            waiting.register(pipe, selectors.EVENT_READ, channel)
        waiting.register(connection, selectors.EVENT_READ)
        while len(waiting.get_map()) > 1:
            for key, _ in waiting.select():
                if key.data is None:
                    _listen(connection, speaking)
                    continue
                said = os.read(key.fd, _CHUNK)
                if said:
                    _send(connection, speaking, BytesMessage(bytes([key.data]) + said))
                else:
                    waiting.unregister(key.fileobj)


def _listen(connection: socket.socket, speaking: WSConnection) -> None:
    said = connection.recv(_CHUNK)
    if not said:
        raise ConnectionResetError
    speaking.receive_data(said)
    for each in speaking.events():
        if isinstance(each, CloseConnection):
            raise ConnectionResetError
        if isinstance(each, Ping):
            _send(connection, speaking, each.response())


def _send(connection: socket.socket, speaking: WSConnection, event: Event) -> None:
    connection.sendall(speaking.send(event))


def _ended(code: int, reason: str, message: str) -> dict[str, Any]:
    said = {"metadata": {}, "status": "Failure", "reason": reason, "message": message}
    return {**said, "code": code} if code else said
