"""The compose backend: its errors without an engine, and its clean-up with one."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from drillbook.errors import HarnessError
from drillbook.sandboxes import certs, sweep, wheels
from drillbook.sandboxes.compose import ComposeBackend, ComposeSandbox
from drillbook.sandboxes.docker import Docker
from drillbook.sandboxes.service import Healthcheck, Service, User
from drillbook.sandboxes.stack import Stack

ROOT = Path(__file__).parent.parent
SECRETS = ("postgres", "smartbeak")
NEW_ENOUGH = {"version": '{"Server":{"Version":"20.10.24"}}', "compose version": "2.26.1-4"}
SETUP = "`.ci/docker` installs and starts what is missing on Debian; or use --backend local"

engine = pytest.mark.skipif(
    not os.environ.get("DRILLBOOK_TEST_COMPOSE"),
    reason="compose is tested with DRILLBOOK_TEST_COMPOSE=1, on a machine with an engine",
)


def fake_docker(folder: Path, answers: Mapping[str, str], failures: Mapping[str, str]) -> Docker:
    """A docker command that knows some beginnings of commands, the longest first."""
    program = folder / "docker"
    lines = ["#!/bin/bash", f'echo "$*" >>{folder}/asked', 'case "$*" in']
    for start in sorted({*answers, *failures}, key=len, reverse=True):
        if start in failures:
            lines.append(f"'{start}'*) cat >&2 <<'END'\n{failures[start]}\nEND\nexit 1;;")
        else:
            lines.append(f"'{start}'*) cat <<'END'\n{answers[start]}\nEND\n;;")
    program.write_text("\n".join([*lines, "esac", ""]))
    program.chmod(0o755)
    return Docker({"PATH": os.environ["PATH"]}, program=str(program))


def refusal(docker: Docker) -> str:
    """The whole text of the error with which an engine is turned down."""
    with pytest.raises(HarnessError) as caught:
        docker.check()
    return str(caught.value)


def test_an_engine_that_is_new_enough_is_taken(tmp_path: Path) -> None:
    fake_docker(tmp_path, NEW_ENOUGH, {}).check()


def test_no_docker_command() -> None:
    assert refusal(Docker({"PATH": "/nowhere"}, program="docker-that-is-not")) == (
        f"no-engine: the command 'docker-that-is-not' is not on this machine\n  hint: {SETUP}"
    )


def test_no_engine_answers(tmp_path: Path) -> None:
    words = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock."
    assert refusal(fake_docker(tmp_path, {}, {"version": words})) == (
        f"no-engine: no Docker engine answers:\n    {words}\n  hint: {SETUP}"
    )


def test_an_engine_that_refuses_this_user(tmp_path: Path) -> None:
    words = "Got permission denied while trying to connect to the Docker daemon socket"
    assert refusal(fake_docker(tmp_path, {}, {"version": words})) == (
        f"no-permission: the Docker engine refuses this user:\n    {words}\n"
        "  hint: add the user to the group docker (it is as powerful as root) and log in again, "
        "or use --backend local"
    )


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (
            {**NEW_ENOUGH, "version": '{"Server":{"Version":"19.03.15"}}'},
            "the Docker engine is 19.03.15; 20.10 or later is needed",
        ),
        (
            {**NEW_ENOUGH, "compose version": "v2.6.0"},
            "docker compose is v2.6.0; 2.20 or later is needed",
        ),
        (
            {**NEW_ENOUGH, "compose version": "dev"},
            "docker compose is dev; 2.20 or later is needed",
        ),
    ],
)
def test_an_engine_that_is_too_old(
    tmp_path: Path, answers: Mapping[str, str], message: str
) -> None:
    found = refusal(fake_docker(tmp_path, answers, {}))
    assert found == f"engine-too-old: {message}\n  hint: {SETUP}"


def test_compose_1_is_not_enough(tmp_path: Path) -> None:
    words = "docker: 'compose' is not a docker command."
    found = refusal(fake_docker(tmp_path, NEW_ENOUGH, {"compose version": words}))
    assert found == (
        "engine-too-old: this docker has no `docker compose` (version 2); "
        f"`docker-compose` 1 is not enough\n  hint: {SETUP}"
    )


def test_an_engine_that_does_not_answer_in_time(tmp_path: Path) -> None:
    program = tmp_path / "docker"
    program.write_text("#!/bin/bash\nexec sleep 60\n")
    program.chmod(0o755)
    with pytest.raises(HarnessError, match=r"engine-silent: .* did not end within 0\.2 s"):
        Docker({"PATH": os.environ["PATH"]}, program=str(program)).call("info", timeout_s=0.2)


def test_the_callers_compose_settings_do_not_come_in() -> None:
    caller = {
        "PATH": "/bin", "DOCKER_HOST": "unix:///x", "COMPOSE_FILE": "other.yaml",
        "COMPOSE_PROJECT_NAME": "other", "PGHOST": "elsewhere", "DOCKER_DEFAULT_PLATFORM": "x",
    }  # fmt: skip
    assert Docker(caller).environ == {"PATH": "/bin", "DOCKER_HOST": "unix:///x"}


def sandbox(tmp_path: Path, docker: Docker) -> ComposeSandbox:
    """A sandbox of one service, `db-1`, on a fake engine."""
    state = tmp_path / "state"
    certs.write_state(state, Stack({}))
    (state / "owner").write_text(sweep.identity())
    service = Service(
        name="db-1", names=("db-1",), command=("postgres-node",),
        healthcheck=Healthcheck(("postgres-healthy",), 0.5, 5.0, 60.0), log="/var/log/x.log",
    )  # fmt: skip
    return ComposeSandbox(docker, "drillbook-test", state, [service], User(), "image:tag")


def start_error(tmp_path: Path, state: object, answers: Mapping[str, str]) -> str:
    """The whole text of the error of a start that fails with a container in this state."""
    docker = fake_docker(
        tmp_path,
        {
            "container ls --all --no-trunc": "db-1 4f5e6d",
            "inspect --type container 4f5e6d": json.dumps([{"State": state}]),
            **answers,
        },
        {"compose": "container drillbook-test-db-1-1 is unhappy"},
    )
    made = sandbox(tmp_path, docker)
    try:
        with pytest.raises(HarnessError) as caught:
            made.up([Path("compose.yaml")])
    finally:
        made.close()
    assert not (tmp_path / "state").exists()
    return str(caught.value)


def test_a_service_that_exits_at_start_shows_its_log(tmp_path: Path) -> None:
    text = start_error(
        tmp_path,
        {"Status": "exited", "ExitCode": 3},
        {"logs --tail 41 4f5e6d": "initdb: error: no space left"},
    )
    assert text == (
        "service-exited: db-1 ended with status 3 before it was healthy; its log ends:\n"
        "    initdb: error: no space left"
    )


def test_a_health_check_that_never_turns_shows_what_it_says(tmp_path: Path) -> None:
    health = {"Status": "starting", "Log": [{"Output": "no"}, {"Output": "does not stream\n"}]}
    text = start_error(
        tmp_path,
        {"Status": "running", "Health": health},
        {"exec 4f5e6d tail -n 15 /var/log/x.log": "FATAL: waiting"},
    )
    assert text == (
        "never-healthy: db-1 was not healthy within 60 s; the check `postgres-healthy` says: "
        "does not stream\nits log ends:\n    FATAL: waiting"
    )


def test_any_other_failure_is_told_in_the_engines_words(tmp_path: Path) -> None:
    text = start_error(tmp_path, {"Status": "running"}, {})
    assert text == (
        "engine-refused: `docker compose up`:\n    container drillbook-test-db-1-1 is unhappy"
    )


def test_an_image_that_cannot_be_built(tmp_path: Path) -> None:
    words = "pull access denied for debian"
    docker = fake_docker(tmp_path, {**NEW_ENOUGH, "inspect": "[]"}, {"build": words})
    (tmp_path / "project/examples").mkdir(parents=True)
    (tmp_path / "project/examples/compose.yaml").write_text(
        "services: {db-1: {image: 'x/host:latest', build: {context: host}}}"
    )
    backend = ComposeBackend(tmp_path / "project", {"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert docker.program == shutil.which("docker", path=str(tmp_path))
    with pytest.raises(HarnessError) as caught:
        backend.open(["db-1"], label="x#page")
    assert str(caught.value) == (
        "image-not-built: the hosts' image could not be built from debian:bookworm-slim:\n"
        f"    {words}\n"
        "  hint: building needs Debian's packages; where no image registry answers, "
        "`.ci/docker` makes the base image"
    )


def test_a_process_is_told_from_a_later_one_of_its_number() -> None:
    ours = sweep.identity()
    pid, started, namespace, boot = ours.split(".")
    assert sweep.is_alive(ours)
    assert not sweep.is_alive(f"{pid}.{int(started) - 1}.{namespace}.{boot}")
    assert not sweep.is_alive(f"{pid}.{started}.{namespace}.another-boot")


def test_a_process_that_ended_is_dead() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "from drillbook.sandboxes import sweep; print(sweep.identity())"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert not sweep.is_alive(said.stdout.strip())


def test_what_cannot_be_told_is_left_alone() -> None:
    pid, started, namespace, boot = sweep.identity().split(".")
    assert sweep.is_alive(f"{pid}.{started}.{int(namespace) + 1}.{boot}")
    assert sweep.is_alive("by-hand")


def test_a_sweep_removes_what_a_dead_run_left_and_nothing_else(tmp_path: Path) -> None:
    dead, alive = f"1.2.{os.stat('/proc/self/ns/pid').st_ino}.another-boot", sweep.identity()
    states = tmp_path / "states"
    for project, owner in (("ours-dead", dead), ("ours-alive", alive)):
        (states / project).mkdir(parents=True)
        (states / project / "owner").write_text(owner)
    docker = fake_docker(
        tmp_path,
        {
            "container ls --all --filter": f"left {dead}\nours-alive {alive}\nmine by-hand",
            "container ls --all --quiet --filter label=com.docker.compose.project=left": "c1\nc2",
            "volume ls --quiet --filter label=com.docker.compose.project=ours-dead": "v1",
        },
        {},
    )
    assert sweep.sweep(docker, states) == ("left", "ours-dead")
    asked = (tmp_path / "asked").read_text().splitlines()
    removals = [line for line in asked if " rm " in line]
    assert removals == ["container rm --force --volumes c1 c2", "volume rm --force v1"]
    assert [path.name for path in states.iterdir()] == ["ours-alive"]


def test_python_snippets_get_their_packages_at_the_locks_versions() -> None:
    wanted = wheels.locked((ROOT / "requirements.lock").read_text(), ["bullmq"])
    names = {line.split("==")[0] for line in wanted.splitlines() if "==" in line}
    assert {"pytest-examples", "pytest", "black", "ruff", "bullmq", "redis"} <= names
    assert not {"sphinx", "pytest-xdist", "colorama"} & names
    assert wanted.count("--hash=sha256:") >= len(names)


def test_packages_that_cannot_be_had_name_pips_reason(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("pytest-examples==0.0.0 \\\n    --hash=sha256:" + 64 * "0" + "\n")
    with pytest.raises(HarnessError, match=r"(?s)no-wheels: pip could not .*pytest-examples"):
        wheels.unpacked(lock, [], tmp_path / "pylib")
    assert [path.name for path in (tmp_path / "pylib").iterdir()] == ["lock"]


def test_a_tool_gets_its_own_folder_for_each_python_and_only_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("tool==1 --hash=sha256:0\n")
    made: list[tuple[str, bool]] = []

    def unpack(wanted: str, target: Path, *, for_image: bool) -> None:
        made.append((wanted, for_image))

    monkeypatch.setattr(wheels, "_unpack", unpack)

    def tools(*programs: str, for_image: bool) -> dict[Path, str]:
        folder = tmp_path / "python"
        return wheels.tools({"tool": str(lock)}, programs, folder, for_image=for_image)

    assert tools("node", for_image=True) == {}
    ((folder, seen),) = tools("node", "tool", for_image=True).items()
    assert seen == "/opt/python/tool"
    assert list(tools("tool", for_image=True)) == [folder]
    lock.write_text("tool==2 --hash=sha256:0\n")
    assert list(tools("tool", for_image=True)) != [folder]
    assert [wanted[:7] for wanted, _ in made] == ["tool==1", "tool==2"]
    tools("tool", for_image=False)
    assert made[-1][0][:7] == "tool==2"


def test_state_is_closed_to_others_but_readable_for_containers(tmp_path: Path) -> None:
    state = tmp_path / "state"
    db = Service("db-1", ("db-1",), certificate=("db-1", "db-1.repl"))
    certs.write_state(state, Stack({"db-1": db}, secrets=SECRETS))
    assert state.stat().st_mode & 0o777 == 0o700
    files = sorted(path.relative_to(state).as_posix() for path in state.rglob("*.*"))
    assert files == ["tls/ca.crt", "tls/db-1.crt", "tls/db-1.expired.pem", "tls/db-1.key"]
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in state.rglob("*") if path.is_file())
    passwords = certs.read_secrets(state)
    assert {path.name for path in (state / "secrets").iterdir()} == {*SECRETS}
    assert len(set(passwords)) == len(SECRETS)
    assert all(len(word) >= 24 and not set(word) & set(":\\'\"$ /@") for word in passwords)


# From here on with a real engine.


@pytest.fixture(scope="module")
def docker() -> Docker:
    """The engine."""
    return Docker()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A copy of what the backend reads, to be broken; packages are the project's own."""
    for name in ("examples", "drillbook"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "requirements.lock", tmp_path)
    (tmp_path / "build").mkdir()
    (ROOT / "build/pylib").mkdir(parents=True, exist_ok=True)
    (tmp_path / "build/pylib").symlink_to(ROOT / "build/pylib")
    yield tmp_path
    left = [p.name for p in (tmp_path / "build/compose").glob("drillbook-*")]
    assert left == []


def labelled(docker: Docker, project: str) -> list[str]:
    """What the engine still has of a project."""
    by = f"label=com.docker.compose.project={project}"
    found = docker.must("container", "ls", "--all", "--quiet", "--filter", by)
    found += docker.must("network", "ls", "--quiet", "--filter", by)
    return (found + docker.must("volume", "ls", "--quiet", "--filter", by)).split()


@engine
def test_a_real_service_that_exits_shows_its_own_words(project: Path) -> None:
    script = project / "examples/postgres/bin/postgres-node"
    script.write_text("#!/bin/bash\necho 'no such luck'\nexit 7\n")
    with pytest.raises(HarnessError) as caught:
        ComposeBackend(project).open(["db-1"], label="broken#page")
    assert caught.value.code == "service-exited"
    assert "db-1 ended with status 7" in caught.value.message
    assert "    no such luck" in caught.value.message


@engine
def test_a_real_service_that_never_gets_healthy_shows_what_its_check_says(project: Path) -> None:
    stack = project / "examples/compose.yaml"
    stack.write_text(stack.read_text().replace("retries: 600", "retries: 2"))
    script = project / "examples/postgres/bin/postgres-healthy"
    script.write_text("#!/bin/bash\necho 'not today'\nexit 1\n")
    with pytest.raises(HarnessError) as caught:
        ComposeBackend(project).open(["db-1"], label="broken#page")
    assert caught.value.code == "never-healthy"
    assert "says: not today\n" in caught.value.message


@engine
def test_nothing_is_left_of_a_sandbox_that_was_closed(docker: Docker) -> None:
    made = ComposeBackend(ROOT).open(["ops"], label="closed#page")
    assert labelled(docker, made.project)
    made.close()
    made.close()
    assert labelled(docker, made.project) == []
    assert not (ROOT / "build/compose" / made.project).exists()


RUNNER = textwrap.dedent("""\
    import sys, time
    from pathlib import Path
    from drillbook.sandboxes.compose import ComposeBackend

    made = ComposeBackend(Path(sys.argv[1])).open(["ops"], label="killed#page")
    made.host("ops").request("hello", timeout_s=10)
    print(made.project, made._reaper.pid, flush=True)
    time.sleep(600)
    """)


def killed_runner(project: Path) -> tuple[str, int]:
    """Project and reaper of a runner that was killed with a sandbox open."""
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(project)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as runner:
        assert runner.stdout
        try:
            name, reaper = runner.stdout.readline().split()
            return name, int(reaper)
        finally:
            runner.kill()


@engine
def test_a_killed_runner_leaves_nothing(docker: Docker, project: Path) -> None:
    name, reaper = killed_runner(project)
    descriptor = os.pidfd_open(reaper)
    try:
        wait_for_end(descriptor)
    finally:
        os.close(descriptor)
    assert labelled(docker, name) == []


@engine
def test_the_next_start_sweeps_what_even_the_reaper_could_not(
    docker: Docker, project: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(project)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as runner:
        assert runner.stdout
        name, reaper = runner.stdout.readline().split()
        os.kill(int(reaper), signal.SIGKILL)
        # Another backend's sweep leaves a living runner's things alone.
        ComposeBackend(project).prepare()
        assert labelled(docker, name)
        runner.kill()
    assert labelled(docker, name)
    ComposeBackend(project).prepare()
    assert labelled(docker, name) == []


def wait_for_end(descriptor: int) -> None:
    """Waits until a process, given its descriptor, has ended."""
    ready, _, _ = select.select([descriptor], [], [], 60)
    assert ready, "it did not end"
