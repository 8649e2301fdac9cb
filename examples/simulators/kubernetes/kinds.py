"""Which kinds of objects the API has, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_READ = ("get", "list", "watch")
_WRITE = ("create", "delete", "patch", "update")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object."""

    plural: str
    name: str
    group: str = ""
    version: str = "v1"
    short: tuple[str, ...] = ()
    namespaced: bool = True
    verbs: tuple[str, ...] = _READ
    subresources: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """As it stands in an object."""
        return f"{self.group}/{self.version}" if self.group else self.version


KINDS: Mapping[str, Kind] = {
    each.plural: each
    for each in (
        Kind("namespaces", "Namespace", short=("ns",), namespaced=False, verbs=(*_READ, "patch")),
        Kind(
            "pods", "Pod", short=("po",), verbs=(*_READ, "delete"),
            subresources=("log", "proxy", "exec"),
        ),
        Kind("services", "Service", short=("svc",), verbs=(*_READ, "patch")),
        Kind("configmaps", "ConfigMap", short=("cm",), verbs=(*_READ, *_WRITE)),
        Kind("secrets", "Secret", verbs=(*_READ, *_WRITE)),
        Kind(
            "resourcequotas", "ResourceQuota", short=("quota",), verbs=(*_READ, *_WRITE)
        ),
        Kind("events", "Event", short=("ev",)),
        Kind(
            "deployments", "Deployment", "apps", short=("deploy",), verbs=(*_READ, *_WRITE),
            subresources=("scale",),
        ),
        Kind("replicasets", "ReplicaSet", "apps", short=("rs",)),
        Kind(
            "horizontalpodautoscalers", "HorizontalPodAutoscaler", "autoscaling", "v2",
            short=("hpa",), verbs=(*_READ, "patch"),
        ),
        Kind(
            "externalsecrets", "ExternalSecret", "external-secrets.io", "v1beta1", short=("es",),
            verbs=(*_READ, "patch"),
        ),
    )
}  # fmt: skip
"""By plural name."""


def group_list() -> dict[str, Any]:
    """What `GET /apis` says."""
    groups = {each.group: each.version for each in KINDS.values() if each.group}
    return {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [
            {
                "name": group,
                "versions": [{"groupVersion": f"{group}/{version}", "version": version}],
                "preferredVersion": {"groupVersion": f"{group}/{version}", "version": version},
            }
            for group, version in groups.items()
        ],
    }


def resource_list(api_version: str) -> dict[str, Any] | None:
    """What the API says of a group and version; None for one that it does not have."""
    found = [each for each in KINDS.values() if each.api_version == api_version]
    if not found:
        return None
    resources: list[dict[str, Any]] = []
    for each in found:
        resources.append(
            {
                "name": each.plural,
                "singularName": each.name.lower(),
                "namespaced": each.namespaced,
                "kind": each.name,
                "verbs": list(each.verbs),
                "shortNames": list(each.short),
                "categories": ["all"] if each.plural in _ALL else [],
            }
        )
        for sub in each.subresources:
            more = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
            resources.append(
                {
                    "name": f"{each.plural}/{sub}",
                    "singularName": "",
                    "namespaced": True,
                    "verbs": ["get", "patch", "update"] if sub == "scale" else ["get"],
                    **(more if sub == "scale" else {"kind": each.name}),
                }
            )
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": api_version,
        "resources": resources,
    }


_ALL = ("pods", "services", "deployments", "replicasets", "horizontalpodautoscalers")
