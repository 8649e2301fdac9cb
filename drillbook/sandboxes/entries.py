"""Services as `examples/compose.yaml` writes them: the keys that a backend needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drillbook.sandboxes.service import Healthcheck, Mount, Service

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0}
_OF_SERVICE = frozenset(
    {
        *("command", "setup", "certificate", "pidfile", "stop-first", "log", "versions"),
        *("programs", "registry", "simulated", "noticed-by", "shown-as", "unknown"),
    }
)


def only(body: Mapping[str, Any], keys: frozenset[str], what: str) -> None:
    """Refuses keys that nothing reads.

    Raises:
        ValueError: Naming the first of them, and those there are.
    """
    if unknown := sorted(set(body) - keys):
        raise ValueError(f"{what} has no `{unknown[0]}`: its keys are {', '.join(sorted(keys))}")


def service(
    name: str, body: Mapping[str, Any], folder: Path, files: Mapping[tuple[str, str], str]
) -> Service:
    """Reads one service.

    Args:
        name: Its name.
        body: What stands under it.
        folder: The file's folder, from which paths are counted.
        files: The file of each secret and config, by kind and name.

    Raises:
        ValueError: It is not what a backend can make.
    """
    ours = body.get("x-drillbook", {})
    only(ours, _OF_SERVICE, f"x-drillbook of {name}")
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
