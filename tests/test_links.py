"""Links: what passes when, in which order, and that a cut closes nothing."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drillbook.errors import HarnessError
from drillbook.inside.links import Link, control

WAIT_S = 120.0
NOTHING_S = 0.15
"""How long nothing must arrive to be believed."""


class Far:
    """What is behind the link: a listening socket, and every connection of the test."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.opened: list[socket.socket] = []
        self.bind()
        if not refuses:
            self.server.listen()

    def bind(self) -> None:
        """Takes a port, where everybody is refused until somebody listens there."""
        self.server = socket.socket()
        self.server.bind(("127.0.0.1", 0))
        self.server.settimeout(WAIT_S)
        self.port: int = self.server.getsockname()[1]
        self.opened.append(self.server)

    def accept(self) -> socket.socket:
        end, _ = self.server.accept()
        end.settimeout(WAIT_S)
        self.opened.append(end)
        return end

    def call(self, port: int) -> socket.socket:
        end = socket.socket()
        self.opened.append(end)
        end.settimeout(WAIT_S)
        end.connect(("127.0.0.1", port))
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return end

    def close(self) -> None:
        for end in self.opened:
            end.close()

    def has_caller(self) -> bool:
        return bool(select.select([self.server], [], [], NOTHING_S)[0])


class Running:
    """A link at work in a thread."""

    def __init__(self, far: Far, folder: Path) -> None:
        self.far = far
        self.control = str(folder / "link.sock")
        self._link = Link(("127.0.0.1", 0), ("localhost", far.port), self.control)
        self._stop, stop = socket.socketpair()
        far.opened += [self._stop, stop]
        self._thread = threading.Thread(target=self._link.serve, args=(stop,))
        self._thread.start()

    def call(self) -> socket.socket:
        return self.far.call(self._link.port)

    def pair(self) -> tuple[socket.socket, socket.socket]:
        near = self.call()
        return near, self.far.accept()

    def close(self) -> None:
        self._stop.send(b"x")
        self._thread.join(WAIT_S)
        self._link.close()


@pytest.fixture
def far() -> Iterator[Far]:
    made = Far()
    yield made
    made.close()


@pytest.fixture
def link(far: Far, tmp_path: Path) -> Iterator[Running]:
    running = Running(far, tmp_path)
    yield running
    running.close()


def silent(end: socket.socket) -> bool:
    """Whether neither bytes nor an end arrive."""
    return not select.select([end], [], [], NOTHING_S)[0]


def take(end: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += end.recv(count - len(data)) or pytest.fail("the connection ended")
    return data


def test_bytes_pass_both_ways_and_an_end_leaves_the_other_way_open(link: Running) -> None:
    near, far = link.pair()
    near.sendall(b"question")
    near.shutdown(socket.SHUT_WR)
    assert take(far, 8) == b"question"
    assert far.recv(1) == b""
    far.sendall(b"answer")
    far.close()
    assert take(near, 6) == b"answer"
    assert near.recv(1) == b""


def test_a_large_transfer_arrives_whole_though_the_receiver_is_slow(link: Running) -> None:
    near, far = link.pair()
    data = os.urandom(1 << 20) * 24
    sender = threading.Thread(target=near.sendall, args=(data,))
    sender.start()
    assert take(far, len(data)) == data
    sender.join(WAIT_S)


def test_a_cut_stalls_what_is_connected_and_closes_nothing(link: Running) -> None:
    near, far = link.pair()
    near.sendall(b"before")
    assert take(far, 6) == b"before"
    control(link.control, "cut")
    near.sendall(b"during")
    far.sendall(b"back")
    assert silent(far)
    assert silent(near)
    control(link.control, "open")
    assert take(far, 6) == b"during"
    assert take(near, 4) == b"back"


def test_an_end_does_not_pass_a_cut(link: Running) -> None:
    near, far = link.pair()
    control(link.control, "cut")
    near.close()
    assert silent(far)
    control(link.control, "open")
    assert far.recv(1) == b""


def test_a_connection_made_during_a_cut_waits_for_its_end(link: Running) -> None:
    control(link.control, "cut")
    near = link.call()
    near.sendall(b"hello")
    assert not link.far.has_caller()
    assert silent(near)
    control(link.control, "open")
    assert take(link.far.accept(), 5) == b"hello"


def test_a_delay_adds_time_in_both_directions(link: Running) -> None:
    near, far = link.pair()
    control(link.control, "delay", 0.2)
    for sender, receiver in ((near, far), (far, near)):
        begin = time.monotonic()
        sender.sendall(b"x")
        assert take(receiver, 1) == b"x"
        assert time.monotonic() - begin >= 0.2


def test_a_delay_keeps_order_and_takes_no_throughput(link: Running) -> None:
    near, far = link.pair()
    control(link.control, "delay", 3600)
    data = os.urandom(1 << 20) * 32
    near.sendall(data)  # far more than the kernel's buffers hold: the link must take it
    assert silent(far)
    control(link.control, "open")
    near.sendall(b"last")
    assert take(far, len(data) + 4) == data + b"last"


def test_a_reset_reaches_the_other_side_as_one(link: Running) -> None:
    near, far = link.pair()
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    far.close()
    with pytest.raises(ConnectionResetError):
        near.recv(1)


def test_a_target_that_refuses_breaks_the_connection_and_not_the_link(tmp_path: Path) -> None:
    far = Far(refuses=True)
    with contextlib.closing(far), contextlib.closing(Running(far, tmp_path)) as link:
        with pytest.raises(ConnectionResetError):
            link.call().recv(1)
        far.server.listen()
        near, behind = link.pair()
        near.sendall(b"again")
        assert take(behind, 5) == b"again"


def test_the_target_is_looked_up_at_each_connection(
    link: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    link.pair()
    first, link.far.server = link.far.server, socket.socket()
    link.far.server.close()
    link.far.bind()
    link.far.server.listen()

    def lookup(host: str, port: int, **_: Any) -> list[Any]:
        assert (host, port) == ("localhost", first.getsockname()[1])
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", link.far.port))]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    near, far = link.pair()
    near.sendall(b"moved")
    assert take(far, 5) == b"moved"


def test_the_control_socket_tells_the_state(link: Running) -> None:
    assert control(link.control) == {"mode": "open", "delay_s": 0.0, "connections": 0}
    link.pair()
    state = control(link.control, "delay", 0.5)
    assert state == {"mode": "delay", "delay_s": 0.5, "connections": 1}
    assert control(link.control, "cut")["delay_s"] == 0.0


@pytest.mark.parametrize(
    ("mode", "delay_s", "text"),
    [
        ("slow", 0.0, "link-refused: a link has no mode 'slow'"),
        ("delay", 0.0, "link-refused: 0.0 s is no delay"),
        ("delay", -1.0, "link-refused: -1.0 s is no delay"),
        ("delay", float("nan"), "link-refused: nan s is no delay"),
    ],
)
def test_a_wrong_mode_is_refused_and_changes_nothing(
    link: Running, mode: str, delay_s: float, text: str
) -> None:
    with pytest.raises(HarnessError) as caught:
        control(link.control, mode, delay_s)
    assert str(caught.value) == text
    assert control(link.control)["mode"] == "open"


def test_no_link_at_the_control_socket_is_said(tmp_path: Path) -> None:
    path = str(tmp_path / "none.sock")
    with pytest.raises(HarnessError) as caught:
        control(path, "cut")
    assert str(caught.value) == (
        f"link-silent: no link answers at {path}: [Errno 2] No such file or directory"
    )


@contextlib.contextmanager
def started(
    far: Far, path: Path, before: str = ""
) -> Iterator[tuple[subprocess.Popen[str], socket.socket]]:
    """The program, once it listens, and a first connection to it."""
    program = "from drillbook.inside import links; sys.exit(links.main())"
    code = f"import sys, signal; {before}\n{program}"
    arguments = ["--listen", "127.0.0.1:0", "--to", f"127.0.0.1:{far.port}", "--control", str(path)]
    command = [sys.executable, "-c", code, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        assert line.endswith(f" leads to 127.0.0.1:{far.port}\n")
        try:
            yield process, far.call(int(line.split()[1].rpartition(":")[2]))
        finally:
            process.kill()


def test_sigterm_ends_it_cleanly(far: Far, tmp_path: Path) -> None:
    path = tmp_path / "link.sock"
    with started(far, path) as (process, near):
        behind = far.accept()
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
    assert not path.exists()
    for end in (near, behind):
        with pytest.raises(ConnectionResetError):
            end.recv(1)


def test_a_peer_that_is_gone_does_not_end_it_where_sigpipe_would(far: Far, tmp_path: Path) -> None:
    default = "signal.signal(signal.SIGPIPE, signal.SIG_DFL)"
    with started(far, tmp_path / "link.sock", default) as (process, near):
        port = near.getpeername()[1]
        far.accept().close()
        assert near.recv(1) == b""
        with pytest.raises(OSError):
            while True:
                near.sendall(b"x" * 1000)
                time.sleep(0.005)
        assert process.poll() is None
        again = far.call(port)
        again.sendall(b"alive")
        assert take(far.accept(), 5) == b"alive"


def test_a_port_in_use_is_said(far: Far, tmp_path: Path) -> None:
    code = "import sys; from drillbook.inside import links; sys.exit(links.main())"
    arguments = ["--listen", f"127.0.0.1:{far.port}", "--to", "127.0.0.1:1"]
    command = [sys.executable, "-c", code, *arguments, "--control", str(tmp_path / "x")]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S)
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("link: cannot listen: [Errno 98] Address already in use")
