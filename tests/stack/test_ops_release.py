"""What `sb` sees of releases, and when it lets one be rolled back; with the real kubectl."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.kubernetes.program import REGISTRY
from smartbeak_ops import settings, tree, web
from smartbeak_ops.api import Api
from smartbeak_ops.guards import release as guards
from smartbeak_ops.looks import features
from smartbeak_ops.looks import release as looks
from smartbeak_ops.looks.seen import Seen
from smartbeak_ops.refusal import RefusedError, UnknownError
from smartbeak_ops.settings import Settings
from tests.stack import cluster
from tests.stack.cluster import Running

API = "deployment/prod-api"


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    kubectl = cluster.program_of_kubectl()
    monkeypatch.setenv("PATH", f"{Path(kubectl).parent}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    with cluster.started(tmp_path, kubectl) as found:
        monkeypatch.setenv("KUBECONFIG", str(found.kubeconfig))
        yield found
        assert not found.unknown()


def _release(running: Running, tag: str, role: str = "api") -> None:
    running.kubectl("set", "image", f"deployment/prod-{role}", f"{role}={REGISTRY}{role}:{tag}")


def _rolled_out(running: Running, tag: str) -> None:
    _release(running, tag)
    running.kubectl("rollout", "status", API, "--timeout=300s")


def _seen() -> Seen:
    seen = Seen()
    for each in looks.looks(Settings({})):
        each.see(seen)
    return seen


def _branch(seen: Seen) -> str:
    row = tree.load("rollback").first(seen.facts)
    return row.branch.removeprefix("runbooks/deployment-rollback/") if row else ""


def _refused(*said: str, **more: str) -> str:
    with pytest.raises(RefusedError) as refused:
        guards.undo(*said, **more)
    return refused.value.reason


def test_a_healthy_cluster_is_done_and_nothing_is_rolled_back(running: Running) -> None:
    seen = _seen()
    assert seen.facts == {
        "cluster": "ok", "rollout": "done", "worker.crashing": False, "api.feature": "works",
        "release.errors": 0.0, "release.ms": 40.0,
    }  # fmt: skip
    assert "prod-api: release 3f9c2d1, 2 of 2 pods serve" in seen.lines
    assert _refused("prod-api") == "prod-api has no release before 3f9c2d1"
    assert _refused("api") == "there is no Deployment api"


def test_a_release_that_errs_is_seen_and_may_be_rolled_back_once(running: Running) -> None:
    _rolled_out(running, "c82d915")
    seen = _seen()
    assert (seen.facts["release.errors"], _branch(seen)) == (10.0, "release-errors")
    assert guards.undo("prod-api") == "prod-api: c82d915 goes, 3f9c2d1 comes, revision 1"
    running.kubectl("rollout", "undo", API)
    running.kubectl("rollout", "status", API, "--timeout=300s")
    cause = "kubernetes.io/change-cause=rolled back from c82d915: errors"
    running.kubectl("annotate", API, cause, "--overwrite")
    assert _refused("prod-api").startswith("prod-api was rolled back already")


def test_a_release_one_of_whose_features_fails_is_no_release_that_errs(running: Running) -> None:
    _rolled_out(running, "f4b81a6")
    seen = _seen()
    assert "api: POST /v1/content: 12 of 12 requests failed, the others work" in seen.lines
    assert seen.facts["release.errors"] == pytest.approx(100 * 12 / 212)
    assert _branch(seen) == "feature-flag"


def test_without_a_cluster_the_api_says_that_a_feature_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    line = 'http_requests_total{{method="{}",route="/v1/content",status="{}"}} {}.0\n'
    pages = iter(line.format("POST", 500, n) + line.format("GET", 200, n) for n in (7, 8, 12))
    monkeypatch.setattr(settings, "known", lambda name: name == "api")
    monkeypatch.setattr(Api, "ask", lambda *_: None)
    monkeypatch.setattr(features, "_AGAIN_S", 0.0)
    monkeypatch.setattr(web, "get", lambda _: web.Reply(200, next(pages), 0.0))
    seen = _seen()
    assert seen.facts == {"cluster": "absent", "api.feature": "fails"}
    assert _branch(seen) == "feature-flag"


def test_a_slow_release_is_seen(running: Running) -> None:
    _rolled_out(running, "e5b017f")
    assert _seen().facts["release.ms"] == 900.0
    assert guards.undo("prod-api")


def test_a_good_release_is_rolled_back_only_by_decision(running: Running) -> None:
    _rolled_out(running, "b41e7a0")
    assert "serves: 0.0 % failed, 40 ms each" in _refused("prod-api")
    assert "b41e7a0 goes" in guards.undo("prod-api", decided_by="Technical Lead")


def test_a_paused_rollout_goes_on_and_is_not_rolled_back(running: Running) -> None:
    with pytest.raises(RefusedError, match="prod-api is not paused"):
        guards.resume("prod-api")
    running.kubectl("rollout", "pause", API)
    _release(running, "b41e7a0")
    assert _seen().facts["rollout"] == "paused"
    assert "is paused" in _refused("prod-api")
    assert guards.resume("prod-api") == "prod-api goes on to b41e7a0"


def test_a_stuck_rollout_says_what_keeps_it(running: Running) -> None:
    _release(running, "0000000")
    running.until("ImagePullBackOff", "get", "pods")
    facts = _seen().facts
    assert (facts["rollout"], facts["rollout.reason"]) == ("under way", "image")
    assert guards.undo("prod-api")
    running.gives_up_after(API, 1)
    running.kubectl("rollout", "status", API, "--timeout=300s", status=1)
    assert _seen().facts["rollout"] == "stuck"


def test_a_release_that_a_quota_keeps_out_is_stuck_at_once(running: Running) -> None:
    running.kubectl("apply", "--filename=-", stdin=cluster.QUOTA)
    _release(running, "b41e7a0")
    running.until("exceeded quota", "get", API, "-o", "yaml")
    seen = _seen()
    assert (seen.facts["rollout"], seen.facts["rollout.reason"]) == ("stuck", "quota")
    assert (
        "  no new pod: exceeded quota: tidy-up, requested: pods=1, used: pods=6, limited: pods=6"
    ) in seen.lines
    assert _branch(seen) == "rollout-quota"
    assert "b41e7a0 goes" in guards.undo("prod-api")


def test_a_worker_that_ends_again_and_again_is_seen(running: Running) -> None:
    _release(running, "d60fa28", "worker")
    running.until("CrashLoopBackOff", "get", "pods")
    assert _seen().facts["worker.crashing"] is True
    assert "d60fa28 goes" in guards.undo("prod-worker")


def test_without_a_cluster_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _seen().facts == {"cluster": "absent"}
    with pytest.raises(UnknownError, match="there is no kubectl here"):
        guards.undo("prod-api")


def test_a_pod_that_ended_since_it_was_listed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    pods = [
        {
            "metadata": {"name": name},
            "spec": {"containers": [{"ports": [{"containerPort": 3001}]}]},
            "status": ready,
        }
        for name in ("stays", "ends")
    ]

    def kubectl(*argv: str) -> str:
        if "/pods/ends:3001/" in argv[-1]:
            raise looks.GoneError('Error from server (NotFound): pods "ends" not found')
        return 'http_requests_total{method="GET",route="/v1/content",status="500"} 3.0\n'

    monkeypatch.setattr(looks, "kubectl", kubectl)
    counted = looks.counted(pods)
    assert (counted.requests, counted.failed) == (3.0, 3.0)
