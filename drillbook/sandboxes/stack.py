"""The stack: what `examples/compose.yaml` says, as far as a backend needs it.

The compose backend hands the file to docker compose; the local backend runs the
same services as plain processes and therefore reads the same keys, named here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from drillbook.errors import HarnessError, PageError, Where
from drillbook.model import OPERATOR, Effect
from drillbook.sandboxes.servers import NODE, Server

COMPOSE_FILE = "examples/compose.yaml"
SECRETS = "secrets"
"""Folder of the secrets below `DRILLBOOK_STATE`."""

# The C loader is ten times as quick, and a scenario waits for it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Patterns = Sequence[tuple[Effect, str]]
"""Patterns with the effect that they stand for; a first group is the verb."""

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0}

_OF_STACK = frozenset(
    {
        *("drills", "python-path", "operator", "prober", "user", "programs"),
        *("python-packages", "node-packages", "npm-mirror", "defects", "triage"),
        *("effects", "script-effects"),
    }
)
_OF_SERVICE = frozenset(
    {
        *("command", "setup", "certificate", "pidfile", "stop-first", "log", "versions"),
        *("programs", "registry", "simulated", "noticed-by", "shown-as", "unknown"),
    }
)


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder that a service sees."""

    source: str
    """Name of a volume, or an absolute path of the machine for a bind."""

    target: str
    volume: bool
    """Whether `source` names a volume."""


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """The command that tells when a service serves."""

    test: tuple[str, ...]
    interval_s: float
    timeout_s: float
    patience_s: float
    """Seconds until a service that never turned healthy is given up:
    start period and all retries."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service, which is also a host on which snippets may be typed."""

    name: str
    names: tuple[str, ...]
    """Every name under which others reach it."""

    command: tuple[str, ...] = ()
    """Empty for a host without a server."""

    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    healthcheck: Healthcheck | None = None
    needs: tuple[str, ...] = ()
    working_dir: str = ""
    setup: tuple[str, ...] = ()
    """Command that makes the host ready, run once as the service user."""

    certificate: tuple[str, ...] = ()
    """Names in the host's certificate; empty for a host that has none."""

    pidfile: str = ""
    stop_first: bool = False
    """Whether it is stopped before all others: it would act on their absence."""

    log: str = ""
    versions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Command that prints a server's version, by server name."""

    programs: tuple[str, ...] = ()
    """Programs that a stack with this service has on its hosts' PATH, by the names of
    the stack's `programs`; those of `versions` are among them."""

    simulated: bool = False
    noticed_by: str = ""
    """Oracle that decides whether users are served when the service is gone; `nobody` where
    they can do without it, empty where the stack does not say."""

    shown_as: str = ""
    """The service user where a page says it beside the host; empty where it needs no saying."""

    unknown: str = ""
    """File of a simulated service: for each request that it does not simulate a line of JSON
    with `method` and `path`."""

    registry: bool = False
    """Whether it hands out the packages of the stack's `npm-mirror`."""

    @property
    def volumes(self) -> tuple[str, ...]:
        """Names of the volumes that it sees."""
        return tuple(mount.source for mount in self.mounts if mount.volume)


@dataclass(frozen=True, slots=True)
class User:
    """The service user."""

    name: str = "service"
    home: str = "/home/service"


@dataclass(frozen=True, slots=True)
class Stack:
    """All services by name, and what the stack says as a whole."""

    services: Mapping[str, Service]
    drills: str = ""
    """Python module with the stack's faults, oracles and prober; empty without drills."""

    python_path: tuple[str, ...] = ()
    """Folders of the machine in which that module is found."""

    operator: str = OPERATOR
    """The operator's machine: where a block is typed that does not say where."""

    prober: str = ""
    """Host on which the prober works in a drill."""

    user: User = User()
    """The service user, as whom everything on every host runs."""

    image: str = ""
    """Name of the image of the hosts on the compose backend."""

    build: str = ""
    """Folder that the image is built from."""

    programs: Mapping[str, Server] = field(default_factory=dict)
    """Server programs by the name under which a service asks for them or states their
    version."""

    python_packages: tuple[str, ...] = ()
    """Packages of the project's lock that hosts in containers get; they have none of their own."""

    node_packages: str = ""
    """Folder of the package.json whose packages hosts get; empty without Node."""

    npm_mirror: tuple[str, ...] = ()
    """Folders of package.json whose packages a registry of the stack hands out."""

    effects: Mapping[str, Patterns] = field(default_factory=dict)
    """What programs of the stack's own do, by patterns on their arguments."""

    script_effects: Mapping[str, Patterns] = field(default_factory=dict)
    """The same by patterns on the text that a program runs."""

    defects: str = ""
    """File whose `defects` says what the stack has mended; empty where nothing is."""

    triage: str = ""
    """Folder of the trees whose rows hubs show; empty without."""

    secrets: tuple[str, ...] = ()
    """Names of the secrets that are made for each run, each a file of random text."""

    def service(self, name: str, where: Where | None = None) -> Service:
        """The service of that name.

        Raises:
            PageError: `unknown-service`, listing those there are.
        """
        if name not in self.services:
            raise PageError(
                "unknown-service",
                f"the stack has no service {name!r}",
                where=where,
                hint="services: " + ", ".join(self.services),
            )
        return self.services[name]

    def closure(self, names: Sequence[str]) -> tuple[Service, ...]:
        """The services of these names and all they need, the needed ones first."""
        ordered: dict[str, Service] = {}

        def add(name: str) -> None:
            if name not in ordered:
                service = self.service(name)
                for other in service.needs:
                    add(other)
                ordered[name] = service

        for name in names:
            add(name)
        return tuple(ordered.values())

    def together(self) -> tuple[tuple[Service, ...], ...]:
        """The services that hold data, as groups whose data must agree, with what they need.

        A volume that a host without a service sees as well holds no server's data: each
        host puts into it what belongs there when it starts.
        """
        groups: list[set[str]] = []
        for volume in self.data_volumes:
            users = [name for name, each in self.services.items() if volume in each.volumes]
            group = {service.name for service in self.closure(users)}
            for other in [known for known in groups if known & group]:
                groups.remove(other)
                group |= other
            groups.append(group)
        return tuple(self.closure(sorted(group)) for group in groups)

    @property
    def data_volumes(self) -> tuple[str, ...]:
        """Names of the volumes that only services with a process of their own see."""
        seen: dict[str, bool] = {}
        for service in self.services.values():
            for volume in service.volumes:
                seen[volume] = seen.get(volume, True) and bool(service.command)
        return tuple(volume for volume, is_data in seen.items() if is_data)


def load(root: Path, variables: Mapping[str, str] | None = None) -> Stack:
    """Reads the stack definition.

    Args:
        root: The project's folder.
        variables: What `${NAME}` in the file stands for; `${NAME:-default}` has a
            default. Where only names matter, None stands for whatever they may be.

    Raises:
        HarnessError: `bad-stack` when the file does not hold what is needed here.
    """
    path = root / COMPOSE_FILE
    try:
        found = path.stat()
    except OSError as error:
        raise HarnessError("bad-stack", str(error), where=Where(COMPOSE_FILE)) from error
    given = None if variables is None else tuple(sorted(variables.items()))
    return _load(path, (found.st_mtime_ns, found.st_size), given)


@lru_cache(maxsize=16)
def _load(
    path: Path, _version: tuple[int, int], given: tuple[tuple[str, str], ...] | None
) -> Stack:
    """The definition as it is in this version of the file: it is asked for again and again."""
    variables = None if given is None else dict(given)
    try:
        document = yaml.load(_expand(path.read_text(encoding="utf-8"), variables), Loader=_LOADER)
        files = {
            (kind, name): str((path.parent / body["file"]).resolve())
            for kind in ("secrets", "configs")
            for name, body in document.get(kind, {}).items()
        }
        services = {
            name: _service(name, body or {}, path.parent, files)
            for name, body in document["services"].items()
        }
        return _stack(document, services, path.parent)
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise HarnessError(
            "bad-stack", f"{type(error).__name__}: {error}", where=Where(COMPOSE_FILE)
        ) from error


def _stack(document: Mapping[str, Any], services: dict[str, Service], folder: Path) -> Stack:
    ours = document.get("x-drillbook") or {}
    _known(ours, _OF_STACK, "x-drillbook")
    programs = {NODE.name: NODE}
    programs |= {name: _server(name, each) for name, each in ours.get("programs", {}).items()}
    for service in services.values():
        for name in service.programs:
            if name not in programs and name not in service.versions:
                raise ValueError(f"{service.name}: there is no program {name!r}")
    hosts = [each for each in document["services"].values() if each and "build" in each]
    made = {
        name: Path(body["file"]).parts[-2:]
        for name, body in (document.get("secrets") or {}).items()
    }
    return Stack(
        services,
        drills=str(ours.get("drills", "")),
        python_path=tuple(str((folder / each).resolve()) for each in ours.get("python-path", ())),
        operator=str(ours.get("operator", OPERATOR)),
        prober=str(ours.get("prober", "")),
        user=User(**ours.get("user", {})),
        image=str(hosts[0]["image"]).partition(":")[0] if hosts else "",
        build=_beside(folder, hosts[0]["build"]["context"]) if hosts else "",
        programs=programs,
        python_packages=tuple(ours.get("python-packages", ())),
        effects=_effects(ours.get("effects", {})),
        script_effects=_effects(ours.get("script-effects", {})),
        node_packages=_beside(folder, ours.get("node-packages")),
        npm_mirror=tuple(_beside(folder, each) for each in ours.get("npm-mirror", ())),
        defects=_beside(folder, ours.get("defects")),
        triage=_beside(folder, ours.get("triage")),
        # The others are keys of certificates.
        secrets=tuple(name for name, place in made.items() if place == (SECRETS, name)),
    )


def _effects(body: Mapping[str, Mapping[str, str]]) -> dict[str, Patterns]:
    """Each program's patterns, the strongest first."""
    ranked: tuple[Effect, ...] = ("destructive", "write")
    for program, patterns in body.items():
        _known(patterns, frozenset(ranked), f"the effect of {program}")
    return {
        program: tuple((effect, patterns[effect]) for effect in ranked if effect in patterns)
        for program, patterns in body.items()
    }


def _known(body: Mapping[str, Any], keys: frozenset[str], what: str) -> None:
    if unknown := sorted(set(body) - keys):
        raise ValueError(f"{what} has no `{unknown[0]}`: its keys are {', '.join(sorted(keys))}")


def _beside(folder: Path, path: str | None) -> str:
    return str((folder / path).resolve()) if path else ""


def _server(name: str, body: Mapping[str, Any]) -> Server:
    return Server(
        name=name,
        variable=body["variable"],
        programs=tuple(body["programs"]),
        folders=tuple(body.get("folders", ())),
        wheel=tuple(body.get("wheel", ("", ""))),
        debian=body.get("debian", ""),
        unpack=tuple(body.get("unpack", ())),
        aliases=tuple(body.get("aliases", ())),
        beside=tuple((pattern, file) for pattern, file in body.get("beside", ())),
    )


def _expand(text: str, variables: Mapping[str, str] | None) -> str:
    def value(match: re.Match[str]) -> str:
        name, default = match.group(1), match.group(2)
        if variables is None:
            return "/any" if default is None else default
        if name not in variables and default is None:
            raise ValueError(f"${{{name}}} has no value")
        return variables.get(name, default or "")

    return _VARIABLE.sub(value, text)


def _service(
    name: str, body: Mapping[str, Any], folder: Path, files: Mapping[tuple[str, str], str]
) -> Service:
    ours = body.get("x-drillbook", {})
    _known(ours, _OF_SERVICE, f"x-drillbook of {name}")
    networks = body.get("networks") or {}
    aliases = [
        alias
        for network in (networks.values() if isinstance(networks, dict) else ())
        for alias in (network or {}).get("aliases", ())
    ]
    names = dict.fromkeys([name, body.get("hostname", name), *aliases])
    return Service(
        name=name,
        names=tuple(names),
        command=tuple(str(word) for word in ours.get("command", body.get("command") or ())),
        environment={key: str(value) for key, value in (body.get("environment") or {}).items()},
        mounts=(
            *(_mount(entry, folder) for entry in body.get("volumes", ())),
            *(_file(entry, "secrets", "/run/secrets/", files) for entry in body.get("secrets", ())),
            *(_file(entry, "configs", "/", files) for entry in body.get("configs", ())),
        ),
        healthcheck=_healthcheck(body["healthcheck"]) if "healthcheck" in body else None,
        needs=tuple(body.get("depends_on") or ()),
        working_dir=str(body.get("working_dir", "")),
        setup=tuple(ours.get("setup", ())),
        certificate=tuple(ours.get("certificate", ())),
        pidfile=str(ours.get("pidfile", "")),
        stop_first=bool(ours.get("stop-first", False)),
        log=str(ours.get("log", "")),
        versions={key: tuple(argv) for key, argv in ours.get("versions", {}).items()},
        programs=tuple(dict.fromkeys((*ours.get("versions", {}), *ours.get("programs", ())))),
        simulated=bool(ours.get("simulated", False)),
        noticed_by=str(ours.get("noticed-by", "")),
        shown_as=str(ours.get("shown-as", "")),
        unknown=str(ours.get("unknown", "")),
        registry=bool(ours.get("registry", False)),
    )


def _mount(entry: str, folder: Path) -> Mount:
    source, target = entry.split(":")[:2]
    volume = not source.startswith((".", "/"))
    return Mount(source if volume else str((folder / source).resolve()), target, volume)


def _file(
    entry: str | Mapping[str, str], kind: str, default: str, files: Mapping[tuple[str, str], str]
) -> Mount:
    source = entry if isinstance(entry, str) else entry["source"]
    target = f"{default}{entry}" if isinstance(entry, str) else entry["target"]
    return Mount(files[kind, source], target, volume=False)


def _healthcheck(body: Mapping[str, Any]) -> Healthcheck:
    kind, *test = body["test"]
    if kind != "CMD":
        raise ValueError(f"a health check must be a CMD list, not {kind}")
    interval = duration(body.get("interval", "30s"))
    return Healthcheck(
        test=tuple(test),
        interval_s=interval,
        timeout_s=duration(body.get("timeout", "30s")),
        patience_s=duration(body.get("start_period", "0s"))
        + int(body.get("retries", 3)) * interval,
    )


def duration(text: str) -> float:
    """Seconds of a compose duration such as `500ms`, `30s` or `1m30s`."""
    parts = _DURATION.findall(text)
    if "".join(number + unit for number, unit in parts) != text or not parts:
        raise ValueError(f"{text!r} is no duration")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)
