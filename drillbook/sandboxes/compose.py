"""The compose backend: each sandbox is a compose project of its own.

The same stack definition, names and scripts as on the local backend, but hosts
are containers. Snippets reach a host's agent through one `docker exec` that is
held open, so that a snippet costs no more than a round trip.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from drillbook import digests, files
from drillbook.errors import HarnessError
from drillbook.sandboxes import certs, npm, packages, stack, sweep, versions, wheels
from drillbook.sandboxes.docker import Docker, last_lines
from drillbook.sandboxes.host import AgentHost
from drillbook.sandboxes.npm import NODE_MODULES
from drillbook.sandboxes.service import Service, User
from drillbook.sandboxes.stack import Stack

BASE = "debian:bookworm-slim"

_PYLIB, _NODE = "/opt/pylib", "/opt/node"
_BUILD_TIMEOUT_S = 900.0
_UP_GRACE_S = 60.0
"""Seconds for everything about a start that is not waiting for health."""

_SERVICE_LABEL = "com.docker.compose.service"


class ComposeSandbox:
    """A compose project and the agents on its hosts.

    Args:
        docker: The engine.
        project: Name of the project, unique on the engine.
        state: Folder with the project's secrets and generated files; goes with it.
        services: What is to be there, in starting order.
        user: As whom everything on the hosts runs.
        image: Name and tag of the hosts' image.
    """

    def __init__(
        self,
        docker: Docker,
        project: str,
        state: Path,
        services: Sequence[Service],
        user: User,
        image: str,
    ) -> None:
        self.user = user.name
        self.project = project
        self.versions: Mapping[str, str] = {}
        self.secrets = certs.read_secrets(state)
        self._docker = docker
        self._state = state
        self.services: Mapping[str, Service] = {each.name: each for each in services}
        self._containers: dict[str, str] = {}
        self._agents: dict[str, tuple[AgentHost, subprocess.Popen[bytes]]] = {}
        self._reaper: subprocess.Popen[bytes] | None = sweep.start_reaper(docker, project, state)
        self._variables = {
            "DRILLBOOK_STATE": str(state),
            "DRILLBOOK_RUN": (state / "owner").read_text(),
            "DRILLBOOK_IMAGE": image,
            "DRILLBOOK_BASE": BASE,
        }

    @property
    def hosts(self) -> tuple[str, ...]:
        """See `drillbook.sandboxes.sandbox.Sandbox`."""
        return tuple(self.services)

    def up(self, files: Sequence[Path]) -> None:
        """Starts all services and waits until each is healthy.

        Args:
            files: Compose files, later ones over earlier ones.

        Raises:
            HarnessError: `service-exited` or `never-healthy` with the log's last
                lines, `engine-refused` for anything else.
        """
        checks = [s.healthcheck.patience_s for s in self.services.values() if s.healthcheck]
        patience_s = sum(checks)
        answer = self._docker.call(
            "compose", "--ansi", "never", "--progress", "plain", "--env-file", os.devnull,
            "--project-name", self.project, *(f"--file={file}" for file in files),
            "up", "--detach", "--no-build", "--pull", "never",
            "--wait", "--wait-timeout", str(int(patience_s) + 1), *self.services,
            env=self._variables, timeout_s=patience_s + _UP_GRACE_S,
        )  # fmt: skip
        self._find_containers()
        if answer.returncode != 0:
            self._explain(answer.stderr)
        self.versions = versions.read(self.services.values(), self.host)

    def host(self, name: str) -> AgentHost:
        """See `drillbook.sandboxes.sandbox`; its agent starts when it is first asked for."""
        if name not in self.services:
            raise HarnessError(
                "unknown-host",
                f"the sandbox has no host {name!r}",
                hint="hosts: " + ", ".join(self.services),
            )
        if name not in self._agents:
            self._agents[name] = self._start_agent(name)
        return self._agents[name][0]

    def hosts_contacted(self) -> tuple[str, ...] | None:
        """None: the engine's resolver does not tell (see `drillbook.sandboxes.sandbox.Sandbox`)."""
        return None

    def way_in(self, host: str) -> str:
        """See `drillbook.sandboxes.sandbox.Sandbox`."""
        return f"docker exec -it {self._containers[host][:12]} bash"

    def close(self) -> None:
        """See `drillbook.sandboxes.sandbox.Sandbox`."""
        for host, process in self._agents.values():
            host.close()
            process.kill()
            process.wait()
        self._agents.clear()
        if self._reaper:
            sweep.remove(self._docker, self.project, self._state)
            assert self._reaper.stdin
            with contextlib.suppress(BrokenPipeError):
                self._reaper.stdin.close()
            self._reaper.wait()
            self._reaper = None

    def _start_agent(self, name: str) -> tuple[AgentHost, subprocess.Popen[bytes]]:
        # The agent's own last words; there are none unless it breaks.
        with (self._state / f"agent-{name}.log").open("wb") as words:
            process = subprocess.Popen(
                [self._docker.program, "exec", "--interactive", self._containers[name],
                 "python3", "-m", "drillbook.inside.agent"],
                env=self._docker.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=words, start_new_session=True,
            )  # fmt: skip
        assert process.stdin and process.stdout
        # The descriptors are the host's from now on, for it to close.
        incoming, outgoing = os.dup(process.stdout.fileno()), os.dup(process.stdin.fileno())
        process.stdin.close()
        process.stdout.close()
        return AgentHost(name, incoming, outgoing), process

    def _find_containers(self) -> None:
        form = f'{{{{.Label "{_SERVICE_LABEL}"}}}} {{{{.ID}}}}'
        listed = self._docker.must(
            "container", "ls", "--all", "--no-trunc", "--format", form,
            "--filter", f"label=com.docker.compose.project={self.project}",
        )  # fmt: skip
        self._containers = dict(line.split() for line in listed.splitlines())

    def _explain(self, words: str) -> None:
        """Raises what best says why the project did not come up."""
        for name, container in self._containers.items():
            found = self._docker.inspect("container", [container])
            state: dict[str, Any] = found[0]["State"] if found else {}
            if state.get("Status") in ("exited", "dead"):
                log = self._docker.call("logs", "--tail", "41", container)
                raise HarnessError(
                    "service-exited",
                    f"{name} ended with status {state['ExitCode']} before it was healthy; "
                    f"its log ends:\n{last_lines(log.stdout + log.stderr)}",
                )
            if state.get("Health", {}).get("Status", "healthy") != "healthy":
                raise self._never_healthy(self.services[name], state["Health"])
        raise HarnessError("engine-refused", f"`docker compose up`:\n{last_lines(words.strip())}")

    def _never_healthy(self, service: Service, health: Mapping[str, Any]) -> HarnessError:
        assert service.healthcheck
        said = [entry["Output"].strip() for entry in health.get("Log") or ()]
        log = self._docker.call(
            "exec", self._containers[service.name], "tail", "-n", "15", service.log
        )
        return HarnessError(
            "never-healthy",
            f"{service.name} was not healthy within {service.healthcheck.patience_s:g} s; "
            f"the check `{' '.join(service.healthcheck.test)}` says: "
            f"{said[-1] if said else 'nothing yet'}\n"
            f"its log ends:\n{last_lines(log.stdout)}",
        )


class ComposeBackend:
    """Makes compose sandboxes.

    Args:
        root: The project's folder.
        environ: The caller's environment; read only to find the engine and npm's registry.
    """

    name = "compose"

    def __init__(self, root: Path, environ: Mapping[str, str] = os.environ) -> None:
        self._root = root
        self._environ = environ
        self._docker = Docker(environ)
        self._states = root / "build/compose"
        self._image = ""
        self._override: dict[str, Any] = {}

    def prepare(self) -> None:
        """Checks the engine, sweeps what dead runs left, and makes what scenarios share.

        Raises:
            HarnessError: `no-engine`, `no-permission`, `engine-too-old`,
                `image-not-built` or `no-wheels`.
        """
        if self._image:
            return
        self._docker.check()
        self._states.mkdir(parents=True, exist_ok=True)
        sweep.sweep(self._docker, self._states)
        self._image = self._built_image()

    def open(self, services: Sequence[str], *, label: str) -> ComposeSandbox:
        """See `drillbook.sandboxes.sandbox.Backend`."""
        self.prepare()
        project = f"drillbook-{secrets.token_hex(4)}"
        state = self._states / project
        # The owner's mark comes first: a folder without it would never be swept.
        state.mkdir()
        (state / "owner").write_text(sweep.identity())
        definition = stack.load(self._root, {"DRILLBOOK_STATE": str(state)})
        try:
            certs.write_state(state, definition)
            wanted = definition.of_sandbox(services)
            override = state / "override.json"
            override.write_text(json.dumps(self._additions(definition, wanted, label)))
            sandbox = ComposeSandbox(
                self._docker, project, state, wanted, definition.user, self._image
            )
        except BaseException:
            shutil.rmtree(state, ignore_errors=True)
            raise
        try:
            sandbox.up([self._root / stack.COMPOSE_FILE, override])
        except BaseException:
            sandbox.close()
            raise
        return sandbox

    def versions(self, services: Sequence[str]) -> Mapping[str, str]:
        """See `drillbook.sandboxes.sandbox.Backend`; the hosts' image is asked."""
        self.prepare()

        def ask(service: Service, argv: Sequence[str]) -> str:
            program, *arguments = argv
            return self._docker.must(
                "run", "--rm", "--network", "none", "--pull", "never",
                "--env", f"PATH={service.environment.get('PATH', os.defpath)}",
                "--entrypoint", program, self._image, *arguments,
            )  # fmt: skip

        return versions.told(stack.load(self._root).closure(services), ask)

    def close(self) -> None:
        """See `drillbook.sandboxes.sandbox.Backend`; the image stays, nothing else is left."""

    def _additions(
        self, definition: Stack, services: Sequence[Service], label: str
    ) -> dict[str, Any]:
        """What is put over the stack definition: the label, and packages of the lock files."""
        unpacked = wheels.unpacked(
            self._root / "requirements.lock",
            definition.python_packages,
            self._root / "build/pylib",
        )
        shown = {unpacked: _PYLIB}
        shown |= packages.shown(self._root, definition, services, self._environ, for_image=True)
        if NODE_MODULES in shown.values():
            shown[npm.runtime(self._root)] = _NODE
        addition = {
            "labels": {"drillbook.scenario": label},
            "volumes": [f"{folder}:{target}:ro" for folder, target in shown.items()],
        }
        return {
            "services": {
                service.name: {
                    **addition,
                    "environment": {
                        "PYTHONPATH": f"{service.environment.get('PYTHONPATH', '')}:{_PYLIB}",
                        stack.SERVICES: stack.named(services),
                    },
                }
                for service in services
            }
        }

    def _built_image(self) -> str:
        """Name and tag of the hosts' image, built if it is not there yet."""
        definition = stack.load(self._root)
        context = Path(definition.build)
        base = self._docker.inspect("image", [BASE])
        key = digests.of_bytes(
            f"{digests.of_file(context / 'Dockerfile')} {base[0]['Id'] if base else ''}".encode()
        )
        image = f"{definition.image}:{key[:12]}"
        with files.locked(self._states / "lock"):
            if not self._docker.inspect("image", [image]):
                self._build(image, context)
        return image

    def _build(self, image: str, context: Path) -> None:
        # The Dockerfile copies nothing, so it is the whole context.
        answer = self._docker.call(
            "build", "--quiet", "--tag", image, "--build-arg", f"BASE={BASE}", str(context),
            timeout_s=_BUILD_TIMEOUT_S,
        )  # fmt: skip
        if answer.returncode != 0:
            raise HarnessError(
                "image-not-built",
                f"the hosts' image could not be built from {BASE}:\n"
                f"{last_lines((answer.stdout + answer.stderr).strip())}",
                hint="building needs Debian's packages; where no image registry answers, "
                "`.ci/docker` makes the base image",
            )
