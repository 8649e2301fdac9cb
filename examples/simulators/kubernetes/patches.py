"""The three kinds of patches that kubectl sends."""

from __future__ import annotations

import copy
from typing import Any

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"

# https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.29/: `patchMergeKey`.
_KEYS = {
    "containers": "name", "initContainers": "name", "env": "name", "volumes": "name",
    "volumeMounts": "mountPath", "ports": "containerPort", "ownerReferences": "uid",
    "conditions": "type",
}  # fmt: skip
_SETS = ("finalizers",)


class PatchError(Exception):
    """A patch that cannot be applied; says why."""


def apply(kind: str, target: dict[str, Any], patch: Any) -> dict[str, Any]:
    """The patched object; the one that is given stays as it is.

    Args:
        kind: Content type of the patch.
        target: The object.
        patch: What the client sent.

    Raises:
        PatchError: It does not fit.
    """
    changed = copy.deepcopy(target)
    if kind == JSON_PATCH:
        if not isinstance(patch, list):
            raise PatchError("a JSON patch is a list")
        for step in patch:
            _step(changed, step)
        return changed
    if not isinstance(patch, dict):
        raise PatchError("a patch is an object")
    if kind == MERGE_PATCH:
        return _merged(changed, patch)
    if kind == STRATEGIC:
        return _strategic(changed, patch)
    raise PatchError(f"{kind} is not taken")


def _merged(target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """RFC 7396."""
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        elif isinstance(value, dict):
            inner = target.get(name)
            target[name] = _merged(inner if isinstance(inner, dict) else {}, value)
        else:
            target[name] = value
    return target


def _strategic(target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    if patch.get("$patch") == "replace":
        return {name: value for name, value in patch.items() if name != "$patch"}
    for name, value in patch.items():
        if name.startswith("$setElementOrder/") or name == "$retainKeys":
            continue
        if name.startswith("$deleteFromPrimitiveList/"):
            field = name.partition("/")[2]
            target[field] = [each for each in target.get(field, ()) if each not in value]
        elif value is None:
            target.pop(name, None)
        elif isinstance(value, dict):
            inner = target.get(name)
            target[name] = _strategic(inner if isinstance(inner, dict) else {}, value)
        elif isinstance(value, list) and name in _KEYS:
            target[name] = _by_key(target.get(name) or [], value, _KEYS[name])
        elif name in _SETS:
            target[name] = list(dict.fromkeys([*target.get(name, ()), *value]))
        else:
            target[name] = value
    return target


def _by_key(target: list[Any], patch: list[Any], key: str) -> list[Any]:
    found = {each.get(key): each for each in target}
    for each in patch:
        if each.get("$patch") == "replace":
            return [other for other in patch if other is not each]
        if key not in each:
            raise PatchError(f"an element of the list has no {key}")
        if each.get("$patch") == "delete":
            found.pop(each[key], None)
        else:
            found[each[key]] = _strategic(found.get(each[key], {}), each)
    return list(found.values())


def _step(target: dict[str, Any], step: dict[str, Any]) -> None:
    """RFC 6902, as far as kubectl uses it."""
    path = [part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]]
    place: Any = target
    for part in path[:-1]:
        place = place[int(part)] if isinstance(place, list) else place.get(part)
        if place is None:
            raise PatchError(f"there is no {step['path']}")
    last: Any = path[-1]
    if isinstance(place, list):
        last = len(place) if last == "-" else int(last)
    if step["op"] == "remove":
        if isinstance(place, dict) and last not in place:
            raise PatchError(f"there is no {step['path']}")
        del place[last]
    elif step["op"] == "test":
        if place[last] != step["value"]:
            raise PatchError(f"{step['path']} is another one by now")
    elif step["op"] == "add" and isinstance(place, list):
        place.insert(last, step["value"])
    elif step["op"] in ("add", "replace"):
        place[last] = step["value"]
    else:
        raise PatchError(f"{step['op']} is not taken")
