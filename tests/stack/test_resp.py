"""The Redis connection: its protocol, against a server that a test plays."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from smartbeak_drills.clients import redis_at
from smartbeak_drills.resp import Redis, RedisError
from tests.conftest import ROOT


class Peer:
    """Takes one connection, notes what comes and says what it was told to."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}"
        self.answers: list[bytes] = []
        self.heard: list[bytes] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def start(self, *answers: bytes) -> str:
        self.answers = list(answers)
        self._thread.start()
        return self.url

    def _serve(self) -> None:
        channel, _ = self._listener.accept()
        with channel:
            for answer in self.answers:
                self.heard.append(channel.recv(65536))
                channel.sendall(answer)
            if self.answers[-1:] != [b""]:
                self._end.wait(600)

    def close(self) -> None:
        self._end.set()
        self._listener.close()
        if self._thread.is_alive():
            self._thread.join()


@pytest.fixture
def peer() -> Iterator[Peer]:
    made = Peer()
    yield made
    made.close()


def test_every_kind_of_answer_is_read(peer: Peer) -> None:
    url = peer.start(
        b"+OK\r\n", b":42\r\n", b"$5\r\na\r\nbc\r\n", b"$-1\r\n", b"*2\r\n$1\r\na\r\n:1\r\n"
    )
    with Redis(url) as redis:
        answers = [redis.run("X") for _ in range(5)]
    assert answers == ["OK", 42, "a\r\nbc", None, ["a", 1]]


def test_a_command_is_counted_in_bytes(peer: Peer) -> None:
    with Redis(peer.start(b"+OK\r\n")) as redis:
        redis.run("SET", "ä", "x y")
    assert peer.heard == ["*3\r\n$3\r\nSET\r\n$2\r\nä\r\n$3\r\nx y\r\n".encode()]


def test_password_number_and_name_come_first(peer: Peer) -> None:
    url = peer.start(b"+OK\r\n", b"+OK\r\n", b"+OK\r\n").replace("//", "//me:p%40ss@") + "/2"
    Redis(url, name="worker").close()
    said = [b" ".join(command.split(b"\r\n")[2::2]) for command in peer.heard]
    assert said == [b"AUTH me p@ss", b"SELECT 2", b"CLIENT SETNAME worker"]


def test_a_refusal_is_redis_own_words(peer: Peer) -> None:
    url = peer.start(b"-OOM command not allowed\r\n")
    with Redis(url) as redis, pytest.raises(RedisError) as caught:
        redis.run("SET", "a", "b")
    assert (caught.value.text, caught.value.seen) == ("OOM command not allowed", True)


def test_no_answer_and_an_end_are_told_apart(peer: Peer) -> None:
    with Redis(peer.start(), timeout_s=0.1) as redis:
        with pytest.raises(
            RedisError, match=r"^no answer from Redis at .* within 0\.1 s$"
        ) as caught:
            redis.run("PING")
        assert caught.value.seen is False
    other = Peer()
    with Redis(other.start(b"")) as redis, pytest.raises(RedisError, match="closed the connection"):
        redis.run("PING")
    other.close()


def test_an_idle_connection_knows_when_it_was_ended(peer: Peer) -> None:
    with Redis(peer.start(b"+OK\r\n")) as redis:
        assert redis.ended() is False
        assert redis.run("PING") == "OK"
        peer.close()
        peer._thread.join()
        assert redis.ended() is True


def test_a_client_keeps_the_platforms_password_and_number_on_another_host() -> None:
    config = ROOT / "examples/platform/platform.env"
    assert redis_at(config, "redis-2") == "redis://redis-2:6379/0"
