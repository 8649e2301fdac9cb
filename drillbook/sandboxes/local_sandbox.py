"""One local sandbox: a supervisor's namespaces, a host behind each of its sockets."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from drillbook.errors import HarnessError
from drillbook.sandboxes import stack, versions
from drillbook.sandboxes.host import AgentHost
from drillbook.sandboxes.sandbox import Reply
from drillbook.sandboxes.servers import SYSTEM_PATH
from drillbook.sandboxes.service import Service, User

_PACKAGE = Path(__file__).parent.parent
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from drillbook.inside.supervisor import main; main()"
)
_REFUSED = (errno.EPERM, errno.ENOSPC, errno.EACCES, errno.EINVAL, errno.ENOSYS)


class LocalSandbox:
    """A world of its own with the stack's servers in it.

    Args:
        services: What is to be there, in starting order.
        user: As whom everything on the hosts runs.
        volumes: Volume specifications for the supervisor, by volume name.
        programs: Folders of the server programs.
        secrets: Values to keep out of evidence.
        shown: Paths of the machine that every host sees, read-only.
        packages: Folders with packages of npm and Python, and where every host sees them.
    """

    def __init__(
        self,
        services: Sequence[Service],
        user: User,
        volumes: Mapping[str, Mapping[str, str]],
        programs: Sequence[Path],
        secrets: Sequence[str],
        shown: Sequence[str],
        packages: Mapping[Path, str],
    ) -> None:
        self.user = user.name
        self.secrets = tuple(secrets)
        self.versions: Mapping[str, str] = {}
        self.services: Mapping[str, Service] = {each.name: each for each in services}
        self._names: socket.socket | None = None
        self._hosts: dict[str, AgentHost] = {}
        self._environments: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._spawn(user, volumes, programs, shown, packages)
        except BaseException:
            self.close()
            raise

    def host(self, name: str) -> AgentHost:
        """See `drillbook.sandboxes.sandbox.Sandbox`."""
        if name not in self._hosts:
            raise HarnessError(
                "unknown-host",
                f"the sandbox has no host {name!r}",
                hint="hosts: " + ", ".join(self._hosts),
            )
        return self._hosts[name]

    def hosts_contacted(self) -> tuple[str, ...] | None:
        """See `drillbook.sandboxes.sandbox.Sandbox`."""
        assert self._names
        self._names.sendall(b"names\n")
        answer = b""
        while not answer.endswith(b"\n"):
            answer += self._names.recv(1 << 16)
        return tuple(json.loads(answer))

    @property
    def hosts(self) -> tuple[str, ...]:
        """See `drillbook.sandboxes.sandbox.Sandbox`."""
        return tuple(self._hosts)

    def way_in(self, host: str) -> str:
        """See `drillbook.sandboxes.sandbox.Sandbox`."""
        # Process 1 forks the resolver first and then the hosts in order; below a
        # host are its first process and, under that, its agent.
        first = _children(self.process_id)[0]
        agent = _children(_children(_children(first)[1 + self.hosts.index(host)])[0])[0]
        return (
            f"{_way_in(first, agent)} \\\n"
            f"    env --ignore-environment {self._environments[host]} bash"
        )

    @property
    def process_id(self) -> int:
        """The outermost process; everything else is below it."""
        assert self._process
        return self._process.pid

    def start(self, *, in_order: bool) -> None:
        """Starts every service and waits until each is healthy.

        Args:
            in_order: Whether a service waits for those it needs. On a template's
                data all may start at once, which is quicker.

        Raises:
            HarnessError: `service-exited` or `never-healthy`, with the log's last lines.
        """
        services = self.services.values()
        if in_order:
            for service in services:
                self._start_service(service)
                self._await_health(service)
        else:
            with ThreadPoolExecutor(max(len(services), 1)) as pool:
                for phase in (self._start_service, self._await_health):
                    for done in [pool.submit(phase, service) for service in services]:
                        done.result()
        self.versions = versions.read(services, self.host)

    def stop(self) -> None:
        """Stops the servers cleanly, those that feed others first, so that all data agrees.

        What watches them goes before: it would take the one for lost that stops first.
        """
        for service in sorted(self.services.values(), key=lambda each: not each.stop_first):
            if not service.pidfile:
                continue
            host = self.host(service.name)
            pids = host.request("signal", timeout_s=5, pidfile=service.pidfile, signal="CONT")[
                "pids"
            ]
            host.execute(["kill", "-INT", str(pids[0])], timeout_s=60)
            deadline = time.monotonic() + 120
            while host.request("service", timeout_s=5)["running"]:
                if time.monotonic() > deadline:
                    raise HarnessError("never-stopped", f"{service.name} did not stop within 120 s")
                time.sleep(0.02)

    def close(self) -> None:
        """See `drillbook.sandboxes.sandbox.Sandbox`."""
        while self._hosts:
            self._hosts.popitem()[1].close()
        if self._names:
            self._names.close()
            self._names = None
        if self._process:
            assert self._process.stdin
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
            try:
                self._process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _spawn(
        self,
        user: User,
        volumes: Mapping[str, Mapping[str, str]],
        programs: Sequence[Path],
        shown: Sequence[str],
        packages: Mapping[Path, str],
    ) -> None:
        passed: list[socket.socket] = []

        def pair() -> tuple[socket.socket, int]:
            ours, theirs = socket.socketpair()
            passed.append(theirs)
            return ours, theirs.fileno()

        status, status_end = os.pipe()
        try:
            self._names, resolver_end = pair()
            hosts = []
            for service in self.services.values():
                channel, end = pair()
                self._hosts[service.name] = AgentHost(service.name, *[channel.detach()] * 2)
                hosts.append(_host_specification(service, user, end, programs))
                hosts[-1]["env"][stack.SERVICES] = stack.named(self.services.values())
                for folder, target in packages.items():
                    hosts[-1]["mounts"].append([str(folder), target, "bind"])
                pairs = (f"{key}={value}" for key, value in hosts[-1]["env"].items())
                self._environments[service.name] = shlex.join(pairs)
            spec = {
                "status": status_end,
                "resolver": resolver_end,
                "addresses": addresses(self.services.values()),
                "show": list(shown),
                "user": user.name,
                "home": user.home,
                "volumes": volumes,
                "hosts": hosts,
            }
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _START, str(_PACKAGE.parent)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                env={"PATH": "/usr/bin:/bin"},
                cwd="/",
                pass_fds=[status_end, *(end.fileno() for end in passed)],
                # Ctrl-C is the runner's to handle: it closes the sandboxes in order.
                start_new_session=True,
            )
            assert self._process.stdin
            self._process.stdin.write(json.dumps(spec).encode() + b"\n")
            self._process.stdin.flush()
        finally:
            for theirs in passed:
                theirs.close()
            os.close(status_end)
        with os.fdopen(status, "rb") as report:
            _check_started(report.readline())
        assert self._names
        self._names.recv(64)

    def _start_service(self, service: Service) -> None:
        host = self.host(service.name)
        if service.setup:
            _must(host.execute(service.setup, timeout_s=60), service)
        if service.command:
            argv = list(service.command)
            host.request("start", timeout_s=10, argv=argv, env={}, log=service.log)

    def _await_health(self, service: Service) -> None:
        check = service.healthcheck
        if check is None:
            return
        host = self.host(service.name)
        deadline = time.monotonic() + check.patience_s
        pause = 0.005
        while True:
            for needed in {*service.needs, service.name}:
                self._must_run(needed, service.name)
            reply = host.execute(check.test, timeout_s=check.timeout_s)
            if reply["status"] == 0:
                return
            if time.monotonic() > deadline:
                said = reply["stderr"] or reply["stdout"]
                log = host.request("logs", timeout_s=5, lines=15)["text"]
                raise HarnessError(
                    "never-healthy",
                    f"{service.name} was not healthy within {check.patience_s:g} s; the check "
                    f"`{' '.join(check.test)}` says: {said.strip()}\nits log ends:\n{_indent(log)}",
                )
            time.sleep(pause)
            pause = min(pause * 1.5, check.interval_s)

    def _must_run(self, name: str, wanted_by: str) -> None:
        state = self.host(name).request("service", timeout_s=5)
        if self.services[name].command and not state["running"]:
            raise HarnessError(
                "service-exited",
                f"{name} ended with status {state['status']} before {wanted_by} was healthy; "
                f"its log ends:\n{_indent(state['log'])}",
            )


def addresses(services: Iterable[Service]) -> dict[str, str]:
    """A loopback address of its own for every service, under each of its names."""
    return {
        name: f"127.0.{number}.1"
        for number, service in enumerate(services, start=1)
        for name in service.names
    }


def _host_specification(
    service: Service, user: User, channel: int, programs: Sequence[Path]
) -> dict[str, Any]:
    # The venv's folder comes before the machine's, so that `python3` has the prober's driver.
    said = service.environment.get("PATH", "").split(":")
    path = [
        *map(str, programs),
        *(folder for folder in said if folder and folder not in SYSTEM_PATH),
        str(Path(sys.executable).parent),
        *SYSTEM_PATH,
    ]
    environment = {
        "HOME": user.home,
        "USER": user.name,
        "LOGNAME": user.name,
        **service.environment,
        "PATH": ":".join(path),
    }
    return {
        "name": service.name,
        "channel": channel,
        "env": environment,
        "cwd": service.working_dir or environment["HOME"],
        "log": service.log,
        "mounts": [[m.source, m.target, "volume" if m.volume else "bind"] for m in service.mounts],
    }


def _must(reply: Reply, service: Service) -> None:
    if reply["status"] != 0:
        raise HarnessError(
            "setup-failed",
            f"`{' '.join(service.setup)}` on {service.name}: status {reply['status']}\n"
            f"{_indent(reply['stderr'] or reply['stdout'])}",
        )


def _check_started(line: bytes) -> None:
    report = (
        json.loads(line)
        if line
        else {"ok": False, "step": "start", "errno": 0, "message": "it ended silently"}
    )
    if report["ok"]:
        return
    if report["step"] == "user":
        raise HarnessError(
            "root-refused",
            f"root cannot start a sandbox here: {report['message']}",
            hint="start it as an ordinary user",
        )
    if report["step"] == "namespaces" or report["errno"] in _REFUSED:
        raise HarnessError(
            "namespaces-refused",
            f"the kernel refused {report['step']}: {report['message']}",
            hint="on Ubuntu: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0; "
            "inside a container, or where that is not allowed: --backend compose",
        )
    raise HarnessError("sandbox-broke", f"{report['step']}: {report['message']}")


def _way_in(first: int, agent: int) -> str:
    """What becomes the service user in the namespaces of an agent."""
    namespaces = f"--target {agent} --mount --pid --net --ipc --uts --preserve-credentials"
    below = "unshare --user --map-user=1000 --map-group=1000"
    if os.stat(f"/proc/{first}/ns/user").st_ino == os.stat("/proc/self/ns/user").st_ino:
        user = Path(f"/proc/{agent}").stat().st_uid
        return (
            f"setpriv --clear-groups nsenter {namespaces} \\\n"
            f"    setpriv --reuid={user} --regid={user} --keep-groups {below}"
        )
    # Mounts and the like belong to the outer user namespace, so that is entered
    # first; below it one becomes the service user again.
    return f"nsenter --user=/proc/{first}/ns/user {namespaces} \\\n    {below}"


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines()[-15:])
