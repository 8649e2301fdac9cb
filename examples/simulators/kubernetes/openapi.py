"""As much of the OpenAPI document as kubectl looks for before it applies a file."""

from __future__ import annotations

from typing import Any

from simulators.kubernetes.kinds import KINDS, Kind


def _place(kind: Kind) -> str:
    return f"apis/{kind.api_version}" if kind.group else f"api/{kind.api_version}"


def index() -> dict[str, Any]:
    """What `GET /openapi/v3` says."""
    places = {_place(each) for each in KINDS.values()}
    return {"paths": {each: {"serverRelativeURL": f"/openapi/v3/{each}"} for each in places}}


def document(api_version: str) -> dict[str, Any] | None:
    """The document of a group and version: which kinds may be patched, with what validated."""
    kinds = [each for each in KINDS.values() if each.api_version == api_version]
    if not kinds:
        return None
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "string"}}
        for name in ("dryRun", "fieldManager", "fieldValidation")
    ]
    paths = {}
    for each in kinds:
        known = {"group": each.group, "version": each.version, "kind": each.name}
        paths[f"/{_place(each)}/namespaces/{{namespace}}/{each.plural}/{{name}}"] = {
            "patch": {
                "x-kubernetes-action": "patch",
                "x-kubernetes-group-version-kind": known,
                "parameters": parameters,
                "responses": {"200": {"description": "OK"}},
            }
        }
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.29.0+simulated"},
        "paths": paths,
    }
