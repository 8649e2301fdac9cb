"""The process on a host that does what the runner asks: JSON lines in, JSON lines out.

The same program serves both backends: `local` forks it into the host's own
namespaces, `compose` starts it as `python3 -m drillbook.inside.agent` through one
held-open exec. It runs as the host's service user and handles one request at a
time. Standard library only, since hosts have nothing else.

A request is `{"id": n, "op": name, ...}`; the answer is `{"id": n, "ok": true, ...}`
or `{"id": n, "ok": false, "code": ..., "message": ...}`.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from drillbook.inside import limits, links
from drillbook.inside.shell import Kind, Shell

Answer = dict[str, Any]

_LOG_TAIL_BYTES = 16_384
_LINK_SOCKET = "/run/link.sock"


class RequestRefused(Exception):
    """A request that cannot be done; becomes an answer with `ok` false."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class _Child:
    """A background process whose standard output is handed out line by line."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            argv,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self.process.stdout and self.process.stderr
        self._out: IO[bytes] = self.process.stdout
        self._err: IO[bytes] = self.process.stderr
        self._buffer = b""
        self.ended = False
        """Whether the end of standard output was reached."""
        for stream in (self._out, self._err):
            os.set_blocking(stream.fileno(), False)

    def line(self, timeout_s: float) -> str | None:
        """The next line of standard output, or None when none comes in time."""
        end = time.monotonic() + timeout_s
        while b"\n" not in self._buffer:
            left = end - time.monotonic()
            ready, _, _ = select.select([self._out], [], [], max(left, 0))
            chunk = os.read(self._out.fileno(), 65_536) if ready else b""
            if not chunk:
                self.ended = bool(ready)
                return None
            self._buffer += chunk
        text, self._buffer = self._buffer.split(b"\n", 1)
        return text.decode(errors="backslashreplace")

    def finish(self, number: int, timeout_s: float) -> Answer:
        """Signals the process, waits for its end and returns what it had left to say."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        for stream in (self._out, self._err):
            os.set_blocking(stream.fileno(), True)
        timed_out = False
        try:
            out, err = self.process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            timed_out = True
            self.process.kill()
            out, err = self.process.communicate()
        return {
            "status": None if timed_out else self.process.returncode,
            "stdout": (self._buffer + out).decode(errors="backslashreplace"),
            "stderr": err.decode(errors="backslashreplace"),
        }


class Agent:
    """Answers the requests of one host.

    Args:
        name: The host's name.
        env: The whole environment of everything that is started here.
        cwd: Folder in which shells begin.
        log: The service's log file, if the host has one.
    """

    def __init__(self, name: str, env: Mapping[str, str], cwd: str, log: str = "") -> None:
        self.name = name
        self.env = dict(env)
        self.cwd = cwd
        self.log = log
        self.service_pid: int | None = None
        self.service_status: int | None = None
        self._shell: Shell | None = None
        self._python: subprocess.Popen[str] | None = None
        self._ahead: list[str] = []
        self._children: dict[str, _Child] = {}
        self._operations: dict[str, Callable[..., Answer]] = {
            "hello": self._hello,
            "start": self._start,
            "service": self._service,
            "exec": self._exec,
            "shell": self._run_shell,
            "python": self._run_python,
            "python_ahead": self._python_ahead,
            "signal": self._signal,
            "link": self._link,
            "spawn": self._spawn,
            "read": self._read,
            "finish": self._finish,
            "logs": self._logs,
            "first_line": self._first_line,
        }

    def serve(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        """Answers requests until the other side closes."""
        for line in incoming:
            request = json.loads(line)
            outgoing.write(json.dumps(self.answer(request)).encode() + b"\n")
            outgoing.flush()

    def answer(self, request: Answer) -> Answer:
        """The answer to one request; an exception becomes one too."""
        number, op = request.pop("id"), request.pop("op")
        try:
            if op not in self._operations:
                raise RequestRefused("unknown-operation", f"the agent knows no operation {op!r}")
            return {"id": number, "ok": True, **self._operations[op](**request)}
        except RequestRefused as error:
            return {"id": number, "ok": False, "code": error.code, "message": str(error)}
        except BlockingIOError:
            return {"id": number, "ok": False, "code": "process-limit",
                    "message": f"{op} on {self.name}: {limits.NO_PROCESS}"}  # fmt: skip
        except Exception as error:  # the runner must hear of anything that breaks here
            text = f"{op} on {self.name}: {type(error).__name__}: {error}"
            return {"id": number, "ok": False, "code": "agent-broke", "message": text}

    def close(self) -> None:
        """Ends what this agent started, as far as it is still there."""
        if self._shell:
            self._shell.close()
        if self._python:
            # It ends at the end of its input, and tidies up behind itself.
            assert self._python.stdin and self._python.stdout
            self._python.stdin.close()
            self._python.stdout.close()
            self._python.wait()
        for child in self._children.values():
            child.process.kill()
            child.process.wait()

    def _hello(self) -> Answer:
        return {"host": self.name, "user": os.getuid(), "pid": os.getpid()}

    def _start(self, argv: list[str], env: dict[str, str], log: str) -> Answer:
        self.log = log or self.log
        if log:
            os.makedirs(os.path.dirname(log), exist_ok=True)
        out = os.open(log or os.devnull, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o640)
        sys.stdout.flush()
        self.service_status = None
        pid = os.fork()
        if pid == 0:
            _become(argv, {**self.env, **env}, out)
        os.close(out)
        self.service_pid = pid
        return {"pid": pid}

    def reap(self) -> None:
        """Takes the service's exit status as soon as it is there.

        A server that is dead but not reaped looks alive to its own tools.
        """
        if self.service_pid is not None and self.service_status is None:
            with contextlib.suppress(ChildProcessError):
                pid, status = os.waitpid(self.service_pid, os.WNOHANG)
                if pid:
                    self.service_status = os.waitstatus_to_exitcode(status)

    def _service(self) -> Answer:
        self.reap()
        running = self.service_pid is not None and self.service_status is None
        return {"running": running, "status": self.service_status, "log": self._tail(40)}

    def _exec(
        self, argv: list[str], timeout_s: float, env: dict[str, str] | None = None, input: str = ""
    ) -> Answer:
        begin = time.monotonic()
        process = subprocess.Popen(
            argv,
            env={**self.env, **(env or {})},
            cwd=self.cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        timed_out = False
        try:
            out, err = process.communicate(input.encode(), timeout=timeout_s)
        except subprocess.TimeoutExpired:
            timed_out = True
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
        return {
            "status": None if timed_out else process.returncode,
            "stdout": out.decode(errors="backslashreplace"),
            "stderr": err.decode(errors="backslashreplace"),
            "timed_out": timed_out,
            "duration_s": time.monotonic() - begin,
        }

    def _run_shell(
        self, kind: Kind, path: str, line: int, text: str, timeout_s: float, merge: bool
    ) -> Answer:
        if self._shell is None:
            self._shell = Shell(env=self.env, cwd=self.cwd)
        outcome = asdict(self._shell.run(kind, path, line, text, timeout_s, merge))
        said = outcome["stdout"] if merge else outcome["stderr"]
        return {**outcome, "limits": limits.reached(said)}

    def _python_ahead(self, texts: list[str]) -> Answer:
        """Of the blocks that will come: the first request hands them on."""
        self._ahead = texts
        return {}

    def _run_python(self, path: str, line: int, text: str, timeout_s: float) -> Answer:
        if self._python is None or self._python.poll() is not None:
            self._python = subprocess.Popen(
                ["python3", "-m", "drillbook.inside.pysnippet"],
                env=self.env,
                cwd=self.cwd,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
        assert self._python.stdin and self._python.stdout
        request = {"path": path, "line": line, "text": text, "timeout_s": timeout_s}
        ahead, self._ahead = self._ahead, []
        self._python.stdin.write(json.dumps({**request, "ahead": ahead}) + "\n")
        self._python.stdin.flush()
        ready, _, _ = select.select([self._python.stdout], [], [], timeout_s + 10)
        reply = self._python.stdout.readline() if ready else ""
        if not reply:
            os.killpg(self._python.pid, signal.SIGKILL)
            self._python.wait()
            self._python = None
            raise RequestRefused(
                "python-gone", "the Python that ran the snippet ended without an answer"
            )
        answer: Answer = json.loads(reply)
        return answer

    def _signal(self, pidfile: str, signal: str) -> Answer:
        try:
            root = int(Path(pidfile).read_text().split("\n", 1)[0])
        except (OSError, ValueError) as error:
            raise RequestRefused(
                "no-service", f"no running service behind {pidfile}: {error}"
            ) from None
        pids = _family(root)
        number = _number(signal)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return {"pids": pids}

    def _link(self, mode: str, delay_s: float = 0.0) -> Answer:
        links.control(_LINK_SOCKET, mode, delay_s)
        return {}

    def _spawn(self, name: str, argv: list[str], env: dict[str, str] | None = None) -> Answer:
        if name in self._children:
            raise RequestRefused("already-spawned", f"{name} is already running on {self.name}")
        child = _Child(argv, {**self.env, **(env or {})})
        self._children[name] = child
        return {"pid": child.process.pid}

    def _read(self, name: str, timeout_s: float) -> Answer:
        child = self._child(name)
        return {"line": child.line(timeout_s), "ended": child.ended}

    def _finish(self, name: str, timeout_s: float, signal: str = "TERM") -> Answer:
        child = self._child(name)
        del self._children[name]
        return child.finish(_number(signal), timeout_s)

    def _logs(self, lines: int) -> Answer:
        return {"text": self._tail(lines)}

    def _first_line(self, path: str) -> Answer:
        """Of a file that may not be there; no program is started for it."""
        try:
            with open(path, encoding="utf-8", errors="backslashreplace") as file:
                return {"text": file.readline()}
        except FileNotFoundError:
            return {"text": ""}

    def _child(self, name: str) -> _Child:
        if name not in self._children:
            raise RequestRefused("not-spawned", f"nothing called {name} was started on {self.name}")
        return self._children[name]

    def _tail(self, lines: int) -> str:
        if not self.log:
            return ""
        try:
            with open(self.log, "rb") as log:
                log.seek(0, os.SEEK_END)
                log.seek(max(0, log.tell() - _LOG_TAIL_BYTES))
                text = log.read().decode(errors="backslashreplace")
        except OSError as error:
            return f"(no log: {error})"
        return "\n".join(text.splitlines()[-lines:])


def _number(name: str) -> int:
    try:
        return signal.Signals[f"SIG{name}"].value
    except KeyError:
        raise RequestRefused("unknown-signal", f"there is no signal {name!r}") from None


def _family(root: int) -> list[int]:
    """The process and all its descendants on this host, parents first."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError):
            stat = Path("/proc", entry, "stat").read_text()
            # The command in parentheses may hold anything; the parent stands after it.
            children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry))
    family, queue = [], [root]
    while queue:
        pid = queue.pop(0)
        family.append(pid)
        queue += children.get(pid, [])
    return family


def _become(argv: Sequence[str], env: Mapping[str, str], out: int) -> None:
    """Turns a forked child into the service `argv`; never returns.

    A link of our own runs in the fork: a new interpreter would cost a scenario
    more than everything else about it.
    """
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, nothing), (1, out), (2, out)):
            os.dup2(source, target)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        if list(argv[:3]) == ["python3", "-m", "drillbook.inside.links"]:
            os.closerange(3, 1024)
            os._exit(links.main(argv[3:]))
        os.execvpe(argv[0], list(argv), dict(env))
    except BaseException as error:
        os.write(2, f"{argv[0]}: {error}\n".encode())
    finally:
        os._exit(127)


def main() -> None:
    """Serves one host of the compose backend on standard input and output."""
    # What a child prints must not end up between the answers.
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    agent = Agent(
        os.uname().nodename,
        os.environ,
        os.environ.get("HOME", "/"),
        os.environ.get("SERVICE_LOG", ""),
    )
    try:
        agent.serve(incoming, outgoing)
    finally:
        agent.close()


if __name__ == "__main__":
    main()
