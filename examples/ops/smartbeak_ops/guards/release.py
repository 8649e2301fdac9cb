"""Guards of what is deployed."""

from __future__ import annotations

from typing import Any

from smartbeak_ops.looks import release
from smartbeak_ops.refusal import RefusedError, UnknownError

MOST_ERRORS = 5.0
"""Per cent of the requests that may fail before a release is rolled back."""

MOST_MS = 240.0
"""Milliseconds that a request may take on average: three times the usual 80."""

CAUSE = "kubernetes.io/change-cause"
BACK = "rolled back"
"""How the cause of a Deployment begins that was rolled back."""

_REVISION = "deployment.kubernetes.io/revision"


def undo(name: str, decided_by: str | None = None) -> str:
    """Lets a Deployment be rolled back, once.

    Args:
        name: E.g. `prod-api`.
        decided_by: Who decided it, where no number speaks for it.

    Returns:
        Which release goes, and which comes.
    """
    try:
        found = release.objects("deployments,replicasets,pods")
        deployment = next(
            (e for e in found if (e["kind"], e["metadata"]["name"]) == ("Deployment", name)), None
        )
        if deployment is None:
            raise RefusedError(f"there is no Deployment {name}")
        if deployment["spec"].get("paused"):
            raise RefusedError(f"{name} is paused: runbooks/deployment-rollback/rollout-paused")
        now, before = _revisions(deployment, found)
        cause = str(deployment["metadata"].get("annotations", {}).get(CAUSE, ""))
        if cause.startswith(BACK):
            raise RefusedError(
                f"{name} was rolled back already ({cause}): undo would bring that release again"
            )
        if before is None:
            raise RefusedError(f"{name} has no release before {release.release_of(now)}")
        if decided_by is None and (works := _works(deployment, found)):
            raise RefusedError(f"{name} {works}: nothing speaks for it, see --decided-by")
    except release.CannotAskError as error:
        raise UnknownError(str(error)) from error
    return (
        f"{name}: {release.release_of(now)} goes, {release.release_of(before)} comes, "
        f"revision {_revision(before)}"
    )


def resume(name: str) -> str:
    """Lets a paused Deployment go on; says which release it then goes to."""
    try:
        found = {e["metadata"]["name"]: e for e in release.objects("deployments")}
    except release.CannotAskError as error:
        raise UnknownError(str(error)) from error
    if name not in found:
        raise RefusedError(f"there is no Deployment {name}")
    if not found[name]["spec"].get("paused"):
        raise RefusedError(f"{name} is not paused")
    return f"{name} goes on to {release.release_of(found[name])}"


def _revision(found: dict[str, Any]) -> int:
    return int(found["metadata"]["annotations"][_REVISION])


def _revisions(
    deployment: dict[str, Any], found: list[dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The ReplicaSets of the release that is deployed and of the one before."""
    uid = deployment["metadata"]["uid"]
    sets = [
        each
        for each in found
        if each["kind"] == "ReplicaSet"
        and any(owner["uid"] == uid for owner in each["metadata"].get("ownerReferences", ()))
    ]
    newest = sorted(sets, key=_revision, reverse=True)
    return newest[0], newest[1] if len(newest) > 1 else None


def _works(deployment: dict[str, Any], found: list[dict[str, Any]]) -> str:
    """Why the release that is deployed is no bad one; empty where it is, or may be."""
    wanted = deployment["spec"]["selector"]["matchLabels"].items()
    pods = [e for e in found if e["kind"] == "Pod" and wanted <= e["metadata"]["labels"].items()]
    if release.trouble(deployment, pods):
        return ""
    if not any("ports" in each["spec"]["containers"][0] for each in pods):
        return "serves, and none of its pods was restarted"
    counted = release.counted(pods)
    if counted.requests < release.ENOUGH:
        return f"answered only {counted.requests:.0f} requests so far"
    share = 100 * counted.failed / counted.requests
    took = 1000 * counted.seconds / counted.requests
    if share > MOST_ERRORS or took > MOST_MS:
        return ""
    return f"serves: {share:.1f} % failed, {took:.0f} ms each"
