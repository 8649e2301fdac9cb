"""The stack: what `examples/compose.yaml` says, as far as a backend needs it.

The compose backend hands the file to docker compose; the local backend runs the
same services as plain processes and therefore reads the same keys, named here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from drillbook.errors import HarnessError, PageError, Where
from drillbook.model import OPERATOR, Effect
from drillbook.sandboxes import entries
from drillbook.sandboxes.servers import NODE, Server
from drillbook.sandboxes.service import Service, User

COMPOSE_FILE = "examples/compose.yaml"
SERVICES = "STACK_SERVICES"
"""Variable in which every host finds the names of the services that are there, by blanks
apart: a name that nobody answers to yet cannot be told from one that is not in the stack."""

SECRETS = "secrets"
"""Folder of the secrets below `DRILLBOOK_STATE`."""

# The C loader is ten times as quick, and a scenario waits for it.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Patterns = Sequence[tuple[Effect, str]]
"""Patterns with the effect that they stand for; a first group is the verb."""

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")

_OF_STACK = frozenset(
    {
        *("drills", "python-path", "operator", "prober", "user", "programs"),
        *("python-packages", "python-tools", "node-packages", "npm-tools", "npm-mirror"),
        *("defects", "triage", "triaged-by"),
        *("effects", "script-effects", "sets"),
    }
)


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

    user: User = field(default_factory=User)
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

    python_tools: Mapping[str, str] = field(default_factory=dict)
    """Lock file of each set of Python packages that stands apart from the project's, by the
    name under which a service asks for it among its `programs`."""

    node_packages: str = ""
    """Folder of the package.json whose packages hosts get; empty without Node."""

    npm_tools: Mapping[str, str] = field(default_factory=dict)
    """Folders of package.json by the program that a service asks for: a client of one service,
    which no other stack has to carry."""

    npm_mirror: tuple[str, ...] = ()
    """Folders of package.json whose packages a registry of the stack hands out."""

    effects: Mapping[str, Patterns] = field(default_factory=dict)
    """What programs of the stack's own do, by patterns on their arguments."""

    script_effects: Mapping[str, Patterns] = field(default_factory=dict)
    """The same by patterns on the text that a program runs."""

    sets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By command, the names of the shell that its output sets where a page evaluates it."""

    defects: str = ""
    """File whose `defects` says what the stack has mended; empty where nothing is."""

    triage: str = ""
    """Folder of the trees whose rows hubs show; empty without."""

    triaged_by: str = "triage"
    """The command that says in which row one stands."""

    sizes: Mapping[str, str] = field(default_factory=dict)
    """What a volume in memory may hold, as `mount(8)` takes it, by its name."""

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
        """The services of these names and all they need, the needed ones first.

        Raises:
            PageError: `unknown-service`.
        """
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

    def of_sandbox(self, names: Sequence[str]) -> tuple[Service, ...]:
        """The same, where all of them are to be in one sandbox.

        Raises:
            PageError: `unknown-service`, or `names-clash` where two have the same name.
        """
        services = self.closure(names)
        owners: dict[str, str] = {}
        for service in services:
            for name in service.names:
                if owners.setdefault(name, service.name) != service.name:
                    raise PageError(
                        "names-clash",
                        f"{owners[name]} and {service.name} are both called {name}",
                        hint="no sandbox has both: name one of them in `stack`",
                    )
        return services

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


def named(services: Iterable[Service]) -> str:
    """What the variable `SERVICES` says."""
    return " ".join(sorted(service.name for service in services))


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
        document = yaml.load(_expand(path.read_text(encoding="utf-8"), variables), Loader=LOADER)
        files = {
            (kind, name): str((path.parent / body["file"]).resolve())
            for kind in ("secrets", "configs")
            for name, body in document.get(kind, {}).items()
        }
        services = {
            name: entries.service(name, body or {}, path.parent, files)
            for name, body in document["services"].items()
        }
        return _stack(document, services, path.parent)
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise HarnessError(
            "bad-stack", _told(error), where=Where(COMPOSE_FILE, _line(error))
        ) from error


def _told(error: Exception) -> str:
    said = error.problem if isinstance(error, yaml.MarkedYAMLError) else str(error)
    return f"{type(error).__name__}: {said}"


def _line(error: Exception) -> int:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    return mark.line + 1 if mark else 0


def _stack(document: Mapping[str, Any], services: dict[str, Service], folder: Path) -> Stack:
    ours = document.get("x-drillbook") or {}
    entries.only(ours, _OF_STACK, "x-drillbook")
    programs = {NODE.name: NODE}
    programs |= {name: _server(name, each) for name, each in ours.get("programs", {}).items()}
    tools = {name: _beside(folder, lock) for name, lock in ours.get("python-tools", {}).items()}
    npm_tools = {name: _beside(folder, at) for name, at in ours.get("npm-tools", {}).items()}
    for each in services.values():
        for name in each.programs:
            if name not in {*programs, *tools, *npm_tools, *each.versions}:
                raise ValueError(f"{each.name}: there is no program {name!r}")
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
        sets={command: tuple(names) for command, names in ours.get("sets", {}).items()},
        python_tools=tools,
        node_packages=_beside(folder, ours.get("node-packages")),
        npm_tools=npm_tools,
        npm_mirror=tuple(_beside(folder, each) for each in ours.get("npm-mirror", ())),
        defects=_beside(folder, ours.get("defects")),
        triage=_beside(folder, ours.get("triage")),
        triaged_by=str(ours.get("triaged-by", "triage")),
        sizes=_sizes(document.get("volumes") or {}),
        # The others are keys of certificates.
        secrets=tuple(name for name, place in made.items() if place == (SECRETS, name)),
    )


def _effects(body: Mapping[str, Mapping[str, str]]) -> dict[str, Patterns]:
    """Each program's patterns, the strongest first."""
    ranked: tuple[Effect, ...] = ("destructive", "write")
    for program, patterns in body.items():
        entries.only(patterns, frozenset(ranked), f"the effect of {program}")
    return {
        program: tuple((effect, patterns[effect]) for effect in ranked if effect in patterns)
        for program, patterns in body.items()
    }


def _sizes(volumes: Mapping[str, Any]) -> dict[str, str]:
    """Sizes of the volumes that have one, of the options that Docker hands to `mount(8)`."""
    options = {
        name: dict(each.partition("=")[::2] for each in body["driver_opts"]["o"].split(","))
        for name, body in volumes.items()
        if body and "driver_opts" in body
    }
    return {name: each["size"] for name, each in options.items() if "size" in each}


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
