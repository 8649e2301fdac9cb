"""What kubectl does with the simulated cluster: each command that the pages use."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import termios
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from simulators.kubernetes import manifests, program
from simulators.kubernetes.program import OVERLAY, REGISTRY
from tests.stack import cluster
from tests.stack.cluster import Running

API = "deployment/prod-api"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with cluster.started(tmp_path, cluster.program_of_kubectl()) as found:
        yield found
        assert not found.unknown()


def _release(running: Running, tag: str, role: str = "api") -> None:
    running.kubectl("set", "image", f"deployment/prod-{role}", f"{role}={REGISTRY}{role}:{tag}")


def _restarted(running: Running, before: set[str]) -> set[str]:
    """The API's pods, once those of before are gone."""
    names = ("get", "pods", "-o", "name", "-l", "app.kubernetes.io/name=api")
    running.kubectl("rollout", "restart", API)
    running.kubectl("rollout", "status", API, "--timeout=300s")
    deadline = time.monotonic() + 300
    while before & (after := set(running.kubectl(*names).split())):  # they end one by one
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return after


def test_get_shows_what_serves(running: Running) -> None:
    said = running.kubectl("get", "deployments")
    assert re.search(r"^NAME +READY +UP-TO-DATE +AVAILABLE +AGE$", said, re.MULTILINE)
    assert re.search(r"^prod-api +2/2 +2 +2 +\d+s$", said, re.MULTILINE)
    pods = running.kubectl("get", "pods", "-l", "app.kubernetes.io/name=worker")
    assert len(re.findall(r"^prod-worker-\S+ +1/1 +Running +0 +\d+s$", pods, re.MULTILINE)) == 2
    assert "prod-api" not in pods
    assert f"{REGISTRY}api:3f9c2d1" in running.kubectl("get", "deployments", "-o", "wide")
    for what in ("hpa", "svc", "externalsecrets", "secrets", "cm", "rs", "events", "ns"):
        assert running.kubectl("get", what)
    image = "-o=jsonpath={.spec.template.spec.containers[0].image}"
    assert running.kubectl("get", API, image) == f"{REGISTRY}api:3f9c2d1"


def test_a_release_is_rolled_out_and_back_once(running: Running) -> None:
    _release(running, "b41e7a0")
    running.kubectl("annotate", API, "kubernetes.io/change-cause=release b41e7a0", "--overwrite")
    said = running.kubectl("rollout", "status", API, "--timeout=300s")
    assert 'deployment "prod-api" successfully rolled out' in said
    history = running.kubectl("rollout", "history", API)
    assert re.search(r"^1 +release 3f9c2d1$", history, re.MULTILINE)
    assert re.search(r"^2 +release b41e7a0$", history, re.MULTILINE)
    shown = running.kubectl("rollout", "history", API, "--revision=1")
    assert "smartbeak/api:3f9c2d1" in shown
    assert "rolled back" in running.kubectl("rollout", "undo", API, "--to-revision=1")
    running.kubectl("rollout", "status", API, "--timeout=300s")
    history = running.kubectl("rollout", "history", API)
    assert re.search(r"^3 +release 3f9c2d1$", history, re.MULTILINE)
    assert not re.search(r"^1 ", history, re.MULTILINE)
    assert "3f9c2d1" in running.kubectl("get", API, "-o", "wide")
    # A second one takes the bad release back.
    running.kubectl("rollout", "undo", API)
    running.kubectl("rollout", "status", API, "--timeout=300s")
    assert "b41e7a0" in running.kubectl("get", API, "-o", "wide")


def test_undo_of_a_revision_that_is_not_there_is_refused(running: Running) -> None:
    said = running.kubectl("rollout", "undo", API, "--to-revision=9", status=1)
    assert "unable to find specified revision 9 in history" in said


def test_a_release_that_is_never_ready_leaves_the_old_pods(running: Running) -> None:
    _release(running, "a7e4b60")
    refused = "Readiness probe failed: HTTP probe failed with statuscode: 503"
    running.until(refused, "get", "events")
    running.gives_up_after(API, 1)
    said = running.kubectl("rollout", "status", API, "--timeout=300s", status=1)
    assert 'error: deployment "prod-api" exceeded its progress deadline' in said
    pods = running.kubectl("get", "pods", "-l", "app.kubernetes.io/name=api")
    assert len(re.findall(r"1/1 +Running", pods)) == 2
    assert len(re.findall(r"0/1 +Running", pods)) == 1
    running.gives_up_after(API, 600)
    running.kubectl("rollout", "undo", API)
    running.kubectl("rollout", "status", API, "--timeout=300s")


def test_a_tag_that_is_not_there_cannot_be_pulled(running: Running) -> None:
    _release(running, "0000000")
    running.until("ImagePullBackOff", "get", "pods")
    assert "2/2" in running.kubectl("get", API)
    running.until("manifest unknown", "get", "events")


def test_a_worker_that_ends_is_restarted_and_its_end_is_kept(running: Running) -> None:
    _release(running, "d60fa28", "worker")
    running.until("CrashLoopBackOff", "get", "pods", "-l", "app.kubernetes.io/name=worker")
    pods = running.kubectl(
        "get", "pods", "-l", "app.kubernetes.io/name=worker", "-o", "name"
    ).split()
    assert pods
    running.until("smartbeak_renderer", "logs", "deployment/prod-worker", "--previous", "--tail=5")


def test_a_paused_deployment_takes_no_release_and_no_undo(running: Running) -> None:
    _release(running, "b41e7a0")
    running.kubectl("rollout", "status", API, "--timeout=300s")
    running.kubectl("rollout", "pause", API)
    _release(running, "c82d915")
    said = running.kubectl("rollout", "undo", API, status=1)
    assert "cannot rollback a paused deployment" in said
    replicas = json.loads(running.kubectl("get", "rs", "-o", "json"))["items"]
    assert len([r for r in replicas if r["metadata"]["name"].startswith("prod-api-")]) == 2
    running.kubectl("rollout", "resume", API)
    running.kubectl("rollout", "status", API, "--timeout=300s")
    assert "c82d915" in running.kubectl("get", "pods", "-o", "yaml")


def test_the_autoscaler_takes_back_what_is_below_its_least(running: Running) -> None:
    running.kubectl("scale", API, "--replicas=1")
    running.until("2/2", "get", API)
    running.kubectl("scale", API, "--replicas=0")
    running.until("0/0", "get", API)
    running.kubectl("scale", API, "--replicas=3")
    running.until("3/3", "get", API)


def test_restart_makes_new_pods_of_the_same_release(running: Running) -> None:
    names = ("get", "pods", "-o", "name", "-l", "app.kubernetes.io/name=api")
    before = set(running.kubectl(*names).split())
    assert len(_restarted(running, before)) == 2
    assert "3f9c2d1" in running.kubectl("get", API, "-o", "wide")


def test_logs_are_those_of_a_pod(running: Running) -> None:
    assert "release 3f9c2d1" in running.kubectl("logs", API, "--tail=1")


def test_a_log_is_followed_until_its_container_ends(running: Running) -> None:
    names = ("get", "pods", "-o", "name", "-l", "app.kubernetes.io/name=api")
    pod = running.kubectl(*names).split()[0]
    argv = running.argv("logs", pod, "--follow")
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=running.environment) as sees:
        assert sees.stdout
        assert sees.stdout.readline() == "release 3f9c2d1\n"
        for number in range(3):
            port = running.port(pod.removeprefix("pod/"))
            urllib.request.urlopen(f"http://{cluster.HOST}:{port}/say/{number}", timeout=300)
            assert sees.stdout.readline() == f"/say/{number}\n"
        running.kubectl("delete", pod, "--wait=false")
        assert sees.stdout.read() == ""
        assert sees.wait(300) == 0


def test_a_quota_keeps_a_release_out_until_there_is_room(running: Running) -> None:
    running.kubectl("apply", "--filename=-", stdin=cluster.QUOTA)
    running.until("pods: 6/6", "get", "quota")
    _release(running, "b41e7a0")
    refused = "exceeded quota: tidy-up, requested: pods=1, used: pods=6, limited: pods=6"
    running.until(refused, "get", "events", "--field-selector", "reason=FailedCreate")
    running.until("ReplicaFailure", "describe", API)
    pods = running.kubectl("get", "pods", "-l", "app.kubernetes.io/name=api", "-o", "yaml")
    assert "b41e7a0" not in pods
    running.kubectl("patch", "quota", "tidy-up", "--patch", '{"spec":{"hard":{"pods":"31"}}}')
    running.kubectl("rollout", "status", API, "--timeout=300s")
    assert "ReplicaFailure" not in running.kubectl("get", API, "-o", "yaml")
    events = json.loads(running.kubectl("get", "events", "-o", "json"))["items"]
    assert sum(each["count"] for each in events if each["reason"] == "FailedCreate") == 1
    running.kubectl("delete", "quota", "tidy-up")


def test_a_quota_of_something_else_is_not_simulated(tmp_path: Path) -> None:
    with cluster.started(tmp_path, cluster.program_of_kubectl()) as found:
        memory = cluster.QUOTA.replace("pods:", "memory:")
        found.kubectl("apply", "--filename=-", stdin=memory, status=1)
        assert "resourcequotas" in found.unknown()


def test_a_secret_is_refreshed_and_counts_from_the_next_start(running: Running) -> None:
    path = "-o=jsonpath={.data.JWT_KEY_1}"
    assert running.kubectl("get", "secret", "smartbeak-secrets", path) == "Zmlyc3Q="
    running.secrets["JWT_KEY_1"] = "second"
    running.kubectl(
        "annotate", "externalsecret", "prod-smartbeak-secrets", "force-sync=1", "--overwrite"
    )
    running.until("c2Vjb25k", "get", "secret", "smartbeak-secrets", path)


def test_unknown_fields_are_refused(running: Running) -> None:
    patch = '{"spec":{"template":{"spec":{"containers":[{"name":"api","imagge":"x"}]}}}}'
    said = running.kubectl("patch", API, "--patch", patch)
    assert 'Warning: unknown field "spec.template.spec.containers[0].imagge"' in said
    whole = running.kubectl("get", API, "-o", "yaml")
    assert "imagge" not in whole
    wrong = whole.replace("  replicas: 2\n", "  replicaz: 2\n", 1)
    said = running.kubectl("apply", "-f", "-", status=1, stdin=wrong)
    assert 'strict decoding error: unknown field "spec.replicaz"' in said


def test_the_overlay_is_applied_as_the_release_job_does(running: Running) -> None:
    said = running.kubectl("apply", "-k", str(OVERLAY))
    assert "deployment.apps/prod-api" in said
    assert "configured" not in running.kubectl("apply", "-k", str(OVERLAY))


def test_set_env_is_in_the_specification(running: Running) -> None:
    running.kubectl("set", "env", API, "STRIPE_WEBHOOK_SECRET=whsec_seen")
    assert "whsec_seen" in running.kubectl("get", API, "-o", "yaml")
    running.kubectl("set", "env", API, "STRIPE_WEBHOOK_SECRET-")
    assert "whsec_seen" not in running.kubectl("get", API, "-o", "yaml")


def test_describe_says_how_far_it_is(running: Running) -> None:
    said = running.kubectl("describe", API)
    assert "NewReplicaSetAvailable" in said


def test_a_pod_is_asked_through_the_api(running: Running) -> None:
    name = running.kubectl("get", "pods", "-o", "name", "-l", "app.kubernetes.io/name=api").split()
    pods = f"/api/v1/namespaces/{cluster.NAMESPACE}/pods"
    path = f"{pods}/{name[0].removeprefix('pod/')}:3001/proxy/livez"
    assert running.kubectl("get", "--raw", path) == "alive"


def test_a_command_runs_with_what_the_pods_process_has(running: Running) -> None:
    running.secrets["JWT_KEY_1"] = "second"
    running.kubectl("annotate", "externalsecret/prod-smartbeak-secrets", "force-sync=1")
    said = running.kubectl("exec", API, "--", "sh", "-c", 'echo "$JWT_KEY_1"; echo no >&2')
    assert sorted(said.split()) == ["first", "no"]  # read when it started
    names = ("get", "pods", "-o", "name", "-l", "app.kubernetes.io/name=api")
    _restarted(running, set(running.kubectl(*names).split()))
    assert running.kubectl("exec", API, "--", "printenv", "JWT_KEY_1") == "second\n"


def test_a_command_says_how_it_ended(running: Running) -> None:
    said = running.kubectl("exec", API, "--", "sh", "-c", "exit 7", status=7)
    assert "command terminated with exit code 7" in said
    said = running.kubectl("exec", API, "--", "sh", "-c", "kill -9 $$", status=137)
    said = running.kubectl("exec", API, "--", "no-such-program", status=1)
    assert 'exec: "no-such-program": executable file not found in $PATH' in said
    long = running.kubectl("exec", API, "--", "seq", "100000")
    assert long.splitlines() == [str(each) for each in range(1, 100001)]


def test_a_command_in_a_pod_that_waits_is_refused(running: Running) -> None:
    _release(running, "0000000")
    said = running.until("ImagePullBackOff", "get", "pods", "-l", "app.kubernetes.io/name=api")
    waits = next(line.split()[0] for line in said.splitlines() if "ImagePullBackOff" in line)
    said = running.kubectl("exec", waits, "--", "true", status=1)
    assert 'container not found ("api")' in said


def test_a_command_reads_what_it_is_given(running: Running) -> None:
    given = "".join(f"{each}\n" for each in range(60_000))  # more than a pipe holds
    assert running.kubectl("exec", "-i", API, "--", "cat", stdin=given) == given
    assert running.kubectl("exec", "-i", API, "--", "head", "-n", "1", stdin=given) == "0\n"
    assert running.kubectl("exec", "-i", API, "--", "cat", stdin="") == ""
    assert running.kubectl("exec", API, "--", "cat", stdin=given) == ""


def test_a_command_has_a_terminal(running: Running) -> None:
    """Of the size of the client's, and with what is typed there."""
    code = """
        read name
        until [ "$(stty size)" = "40 120" ]; do sleep 0.05; done
        echo "$name is $TERM on $(tty | cut -c -9)"
        exit 7"""
    argv = running.argv("exec", "-it", API, "--", "sh", "-c", code)
    here, there = os.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    with subprocess.Popen(
        argv, env=running.environment, stdin=there, stdout=there, stderr=there,
        start_new_session=True,
    ) as process:  # fmt: skip
        os.close(there)
        os.write(here, b"smartbeak\n")
        said = b""
        with contextlib.suppress(OSError):  # nobody has it open any more
            while part := os.read(here, 1024):
                said += part
    os.close(here)
    assert process.returncode == 7
    assert b"smartbeak is xterm on /dev/pts/" in said


def test_its_deployments_are_those_of_the_facts() -> None:
    found = manifests.rendered(OVERLAY)
    facts = yaml.safe_load((OVERLAY.parents[2] / "platform/facts.yaml").read_text())["deployments"]
    by_kind = {kind: [e for e in found if e["kind"] == kind] for kind in {e["kind"] for e in found}}
    assert {each["metadata"]["name"] for each in by_kind["Deployment"]} == set(facts)
    assert {each["metadata"]["namespace"] for each in by_kind["Deployment"]} == {cluster.NAMESPACE}
    limits = {
        each["spec"]["scaleTargetRef"]["name"]: [
            each["spec"]["minReplicas"],
            each["spec"]["maxReplicas"],
        ]
        for each in by_kind["HorizontalPodAutoscaler"]
    }
    assert limits == {name: about["pods"] for name, about in facts.items()}


def test_its_manifests_say_what_production_says() -> None:
    found = manifests.rendered(OVERLAY)
    facts = yaml.safe_load((OVERLAY.parents[2] / "platform/facts.yaml").read_text())["cluster"]
    said = {name: about["value"] for name, about in facts.items()}
    named = {(each["kind"], each["metadata"]["name"]): each for each in found}
    for role in ("api", "worker"):
        spec = named["Deployment", said["prefix"] + role]["spec"]
        assert spec["selector"]["matchLabels"] == {said["label"]: role}
        assert spec["revisionHistoryLimit"] == said["history"]
        pod = spec["template"]["spec"]
        assert pod["terminationGracePeriodSeconds"] == said[f"grace-{role}"]
        (container,) = pod["containers"]
        assert container["resources"]["limits"]["memory"] == said["memory"]
        settings, secret = container["envFrom"]
        assert settings["configMapRef"]["name"] == said["prefix"] + said["settings"]
        assert secret["secretRef"]["name"] == said["secret"]
    (api,) = named["Deployment", "prod-api"]["spec"]["template"]["spec"]["containers"]
    for probe in ("ready", "live", "start"):
        name = {"ready": "readiness", "live": "liveness", "start": "startup"}[probe]
        assert api[f"{name}Probe"]["httpGet"]["path"] == said[f"{probe}-path"]
    external = named["ExternalSecret", "prod-smartbeak-secrets"]["spec"]
    assert external["target"]["name"] == said["secret"]
    assert external["refreshInterval"] == said["refresh"]


def test_what_is_not_simulated_is_refused_and_noted(tmp_path: Path) -> None:
    with cluster.started(tmp_path, cluster.program_of_kubectl()) as found:
        found.kubectl("get", "--raw", "/apis/apps/v1/daemonsets", status=1)
        assert "/apis/apps/v1/daemonsets" in found.unknown()


def test_a_client_without_the_token_is_refused(running: Running) -> None:
    said = running.kubectl("--token=another", "get", "pods", status=1)
    assert "the server has asked for the client to provide credentials" in said


def test_a_pod_ends_with_the_simulator(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path;"
        "from simulators.kubernetes.processes import Process;"
        "p = Process(['sleep', '6000'], {}, Path(sys.argv[1]));"
        "name = Path(f'/proc/{p.pid}/comm');"
        # Until then it has not asked to end with its parent.
        "\nwhile name.read_text() != 'sleep\\n': time.sleep(0.01)"
        "\nprint(p.pid, flush=True); time.sleep(6000)"
    )
    examples = str(Path(program.__file__).parents[2])
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True,
        env={"PYTHONPATH": examples, "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    with parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text()
        except OSError:  # gone, perhaps while it was read
            return
        if " Z " in state:
            return
        time.sleep(0.05)
    pytest.fail("it lives on")


def test_the_overlay_of_a_real_cluster_is_productions_without_what_reads_aws() -> None:
    ours, real = (manifests.rendered(OVERLAY.parent / each) for each in ("production", "k3s"))
    assert {each["kind"] for each in ours} - {each["kind"] for each in real} == {"ExternalSecret"}
    for each in real:
        if each["kind"] == "Deployment":
            spec = each["spec"]["template"]["spec"]
            del spec["volumes"]
            del spec["containers"][0]["volumeMounts"]
        assert each in ours


@pytest.mark.skipif(shutil.which("docker") is None, reason="docker compose is not installed")
def test_nothing_of_the_real_cluster_starts_without_its_profile() -> None:
    def services(*more: str) -> set[str]:
        file = str(OVERLAY.parents[1] / "k3s.yaml")
        done = subprocess.run(
            ["docker", "compose", "--file", file, *more, "config", "--services"],
            capture_output=True, text=True, check=True, timeout=300,
            env={"STACK_NETWORK": "any", "PATH": os.environ["PATH"], "HOME": os.environ["HOME"]},
        )  # fmt: skip
        return set(done.stdout.split())

    assert services() == set()
    assert services("--profile", "k3s") == {
        *("registry", "k3s", "api-image", "web-image", "worker-image"),
    }
