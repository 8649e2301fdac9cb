"""Which fields a Deployment may have: an unknown one is refused, as the real server does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Form = dict[str, Any]
"""Form by field: `{}` for any value, a form for an object, a form in a list for a list."""

_ANY: Form = {}
_META: Form = dict.fromkeys(
    ("name", "generateName", "namespace", "labels", "annotations", "uid", "resourceVersion",
     "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
     "finalizers", "ownerReferences", "managedFields", "selfLink"),
    _ANY,
)  # fmt: skip
_PROBE: Form = dict.fromkeys(
    ("httpGet", "exec", "tcpSocket", "grpc", "initialDelaySeconds", "periodSeconds",
     "timeoutSeconds", "failureThreshold", "successThreshold", "terminationGracePeriodSeconds"),
    _ANY,
)  # fmt: skip
_CONTAINER: Form = {
    **dict.fromkeys(
        ("name", "image", "command", "args", "workingDir", "imagePullPolicy", "securityContext",
         "volumeMounts", "lifecycle", "terminationMessagePath", "terminationMessagePolicy",
         "stdin", "stdinOnce", "tty", "resizePolicy", "restartPolicy", "volumeDevices"),
        _ANY,
    ),
    "ports": [dict.fromkeys(("name", "containerPort", "protocol", "hostPort", "hostIP"), _ANY)],
    "env": [dict.fromkeys(("name", "value", "valueFrom"), _ANY)],
    "envFrom": [dict.fromkeys(("prefix", "configMapRef", "secretRef"), _ANY)],
    "resources": dict.fromkeys(("limits", "requests", "claims"), _ANY),
    "readinessProbe": _PROBE,
    "livenessProbe": _PROBE,
    "startupProbe": _PROBE,
}  # fmt: skip
_POD: Form = {
    **dict.fromkeys(
        ("restartPolicy", "terminationGracePeriodSeconds", "activeDeadlineSeconds", "dnsPolicy",
         "nodeSelector", "serviceAccountName", "serviceAccount", "automountServiceAccountToken",
         "nodeName", "hostNetwork", "securityContext", "imagePullSecrets", "hostname", "affinity",
         "schedulerName", "tolerations", "priorityClassName", "topologySpreadConstraints",
         "volumes"),
        _ANY,
    ),
    "containers": [_CONTAINER],
    "initContainers": [_CONTAINER],
}  # fmt: skip
DEPLOYMENT: Form = {
    "apiVersion": _ANY,
    "kind": _ANY,
    "metadata": _META,
    "status": _ANY,
    "spec": {
        **dict.fromkeys(
            ("replicas", "selector", "minReadySeconds", "revisionHistoryLimit", "paused",
             "progressDeadlineSeconds"),
            _ANY,
        ),
        "strategy": {
            "type": _ANY,
            "rollingUpdate": dict.fromkeys(("maxSurge", "maxUnavailable"), _ANY),
        },
        "template": {"metadata": _META, "spec": _POD},
    },
}  # fmt: skip
"""https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/deployment-v1/."""


def without(found: Any, form: Any) -> Any:
    """The same without the fields that the form does not have."""
    if isinstance(form, list) and isinstance(found, list):
        return [without(each, form[0]) for each in found]
    if isinstance(form, dict) and form and isinstance(found, dict):
        return {
            name: without(value, form.get(name, _ANY))
            for name, value in found.items()
            if name.startswith("$") or name in form
        }
    return found


def unknown(found: Any, form: Any, path: str = "") -> Iterator[str]:
    """Paths of the fields that the form does not have.

    Args:
        found: An object, or what a patch says of it.
        form: What it may have.
        path: Where we are.
    """
    if isinstance(form, list) and isinstance(found, list):
        for number, each in enumerate(found):
            yield from unknown(each, form[0], f"{path}[{number}]")
    elif isinstance(form, dict) and form and isinstance(found, dict):
        for name, value in found.items():
            where = f"{path}.{name}" if path else name
            if name.startswith("$"):
                continue
            if name not in form:
                yield where
            else:
                yield from unknown(value, form[name], where)
