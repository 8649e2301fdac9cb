"""The local backend: what a page can reach, what is left behind, what is said when it fails."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import pytest

from drillbook.errors import HarnessError
from drillbook.sandboxes import exposed, local_sandbox
from drillbook.sandboxes.local import LocalBackend
from drillbook.sandboxes.local_sandbox import LocalSandbox
from drillbook.sandboxes.sandbox import hold
from drillbook.sandboxes.servers import Server
from tests.conftest import ROOT
from tests.processes import gone, processes_of
from tests.test_backend import typed


def project(
    folder: Path, services: str, programs: Mapping[str, Server] | None = None
) -> LocalBackend:
    """A project whose stack has these services (YAML) and these server programs."""
    (folder / "examples").mkdir()
    known = {name: asdict(each) for name, each in (programs or {}).items()}
    text = f"x-drillbook: {{programs: {json.dumps(known)}}}\n"
    text += "services:\n" + textwrap.indent(textwrap.dedent(services), "  ")
    (folder / "examples/compose.yaml").write_text(text)
    return LocalBackend(folder)


# What a page can reach


@pytest.mark.parametrize(
    "path",
    [
        "/usr/bin/touched",
        "/etc/touched",
        "/touched",
        "/opt/smartbeak/touched",
        "/run/secrets/smartbeak",
    ],
)
def test_the_machines_and_the_projects_files_cannot_be_written(
    pair: LocalSandbox, path: str
) -> None:
    outcome = typed(pair, f"touch {path}")
    assert outcome["status"] == 1
    assert "Read-only file system" in outcome["stderr"] or "Permission denied" in outcome["stderr"]
    assert not os.path.exists(path)


def test_the_machines_tmp_home_and_run_are_not_there(pair: LocalSandbox, tmp_path: Path) -> None:
    (tmp_path / "canary").write_text("x")
    outcome = typed(pair, f"ls {tmp_path}; ls -A /tmp /root /mnt /sys /boot 2>&1; ls /run")
    assert "canary" not in outcome["stdout"]
    assert "docker.sock" not in outcome["stdout"]


def test_a_unix_socket_of_the_machine_cannot_be_reached(pair: LocalSandbox, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        outcome = typed(pair, f"curl -sS --max-time 60 --unix-socket {tmp_path}/s http://x/")
        assert outcome["status"] == 7


def test_kernel_settings_cannot_be_changed(pair: LocalSandbox) -> None:
    outcome = typed(pair, "echo 1 > /proc/sys/vm/drop_caches")
    assert "Read-only file system" in outcome["stderr"]


def test_only_harmless_devices_are_there(pair: LocalSandbox) -> None:
    assert set(typed(pair, "ls /dev")["stdout"].split()) <= {
        "null",
        "zero",
        "full",
        "random",
        "urandom",
        "tty",
        "fd",
        "stdin",
        "stdout",
        "stderr",
        "shm",
    }


def test_a_page_can_change_neither_mounts_nor_network(pair: LocalSandbox) -> None:
    assert typed(pair, "mount -t tmpfs none /usr")["status"] != 0
    assert typed(pair, "umount /proc/sys")["status"] != 0
    assert "Operation not permitted" in typed(pair, "ip link set lo down")["stderr"]


def test_processes_of_other_hosts_and_of_the_machine_are_not_seen(pair: LocalSandbox) -> None:
    assert "postgres:" not in typed(pair, "ps -ef")["stdout"]
    assert "postgres: db-1: " in typed(pair, "ps -ef", "db-1")["stdout"]
    assert "postgres: db-2: " not in typed(pair, "ps -ef", "db-1")["stdout"]


def test_what_was_looked_up_is_known(pair: LocalSandbox) -> None:
    typed(pair, "curl -s --max-time 60 https://hooks.example.com/")
    assert "hooks.example.com" in (pair.hosts_contacted() or ())


def test_an_interpreter_below_a_folder_that_hosts_have_of_their_own_is_seen_on_each(
    local_backend: LocalBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/module.py").write_text("here\n")
    paths = exposed.paths

    def more(programs: Sequence[Path], builds: Path) -> list[str]:
        return [*paths(programs, builds), str(tmp_path / "lib")]

    monkeypatch.setattr(exposed, "paths", more)
    with contextlib.closing(local_backend.open(["ops", "app", "db-1"], label="x")) as sandbox:
        for host in ("ops", "app", "db-1"):
            outcome = typed(sandbox, f"cat {tmp_path}/lib/module.py; ls {tmp_path}", host)
            assert outcome["stdout"] == "here\nlib\n"


# What is left behind


def test_close_ends_every_process(local_backend: LocalBackend) -> None:
    sandbox = local_backend.open(["ops", "db-1", "db-2"], label="close")
    typed(sandbox, "sleep 600 & disown; setsid sleep 600 & disown")
    below = processes_of(sandbox.process_id)
    assert len(below) > 10
    sandbox.close()
    assert gone(below)


_ENDED = re.compile(r"(\d+ \w+ \d{4} [\d:.]+) # (?:Redis|Sentinel) is now ready to exit")


def _ended(sandbox: LocalSandbox, host: str) -> datetime:
    """When a server said that it ends."""
    log = sandbox.host(host).request("logs", timeout_s=30, lines=50)["text"]
    found = _ENDED.search(log)
    assert found, log
    return datetime.strptime(found[1], "%d %b %Y %H:%M:%S.%f")


def test_sentinels_are_stopped_before_they_could_miss_their_master(
    local_backend: LocalBackend,
) -> None:
    sentinels = ["sentinel-1", "sentinel-2", "sentinel-3"]
    services = ["ops", "redis-1", "redis-2", *sentinels]
    with contextlib.closing(local_backend.open(services, label="stop")) as sandbox:
        sandbox.stop()
        last = max(_ended(sandbox, name) for name in sentinels)
        assert last <= min(_ended(sandbox, name) for name in ("redis-1", "redis-2"))


def test_kill_9_of_the_runner_ends_every_process(
    local_backend: LocalBackend, tmp_path: Path
) -> None:
    program = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from drillbook.sandboxes.local import LocalBackend
        sandbox = LocalBackend(Path(sys.argv[1])).open(["ops", "db-1"], label="kill")
        print(sandbox.process_id, flush=True)
        time.sleep(600)
    """)
    runner = subprocess.Popen(
        [sys.executable, "-c", program, str(ROOT)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with runner:
        assert runner.stdout
        below = processes_of(int(runner.stdout.readline()))
        assert len(below) > 5
        runner.send_signal(signal.SIGKILL)
    assert gone(below)
    number = re.compile(rf"(?<!\d){runner.pid}(?!\d)")
    assert not any(map(number.search, os.listdir("/dev/shm")))


def test_nothing_is_added_to_the_machines_shared_memory_and_tmp(
    local_backend: LocalBackend,
) -> None:
    # What is there is not counted: other programs of the machine come and go as well.
    with contextlib.closing(local_backend.open(["db-1", "db-2"], label="traces")) as sandbox:
        below = processes_of(sandbox.process_id)
        # The columns are key, shmid, perms, size, cpid, lpid, ...
        lines = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
        assert not {int(line.split()[4]) for line in lines} & {*below}
        for folder in ("/dev/shm", "/tmp"):
            inside = set()
            for pid in below:
                with contextlib.suppress(OSError):  # it has ended since
                    if Path(f"/proc/{pid}/comm").read_text() == "postgres\n":
                        inside.add(os.stat(f"/proc/{pid}/root{folder}").st_dev)
            assert inside
            assert os.stat(folder).st_dev not in inside


# What is said when it fails


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A kernel that refuses user namespaces, as far as the supervisor can tell."""
    monkeypatch.setattr(
        local_sandbox,
        "_START",
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from drillbook.inside import supervisor, world\n"
        "def unshare(flags): raise PermissionError(1, 'unshare: Operation not permitted')\n"
        "world.unshare = unshare; supervisor.main()",
    )
    yield


def test_refused_namespaces_name_the_way_out(refused: None, tmp_path: Path) -> None:
    with pytest.raises(HarnessError) as caught:
        project(tmp_path, "ops: {}").open(["ops"], label="x")
    assert caught.value.code == "namespaces-refused"
    assert "Operation not permitted" in caught.value.message
    assert "--backend compose" in caught.value.hint


def test_a_service_that_exits_shows_its_log(tmp_path: Path) -> None:
    backend = project(
        tmp_path,
        """
        api:
          command: [bash, -c, "echo 'FATAL: no such role' >&2; exit 3"]
          healthcheck: {test: [CMD, "false"], interval: 50ms, retries: 4000}
          x-drillbook: {log: /var/log/api.log}
        """,
    )
    with pytest.raises(HarnessError) as caught:
        backend.open(["api"], label="x")
    assert caught.value.code == "service-exited"
    assert caught.value.message == (
        "api ended with status 3 before api was healthy; its log ends:\n    FATAL: no such role"
    )


def test_a_health_check_that_never_turns_says_what_it_says(tmp_path: Path) -> None:
    backend = project(
        tmp_path,
        """
        api:
          command: [bash, -c, "echo listening; exec sleep 60"]
          healthcheck:
            # It waits for the service's word, so that the log has it.
            test:
              - CMD
              - bash
              - -c
              - until grep -q listening /var/log/api.log; do :; done 2>&-; echo not yet >&2; exit 1
            interval: 50ms
            retries: 4
          x-drillbook: {log: /var/log/api.log}
        """,
    )
    with pytest.raises(HarnessError) as caught:
        backend.open(["api"], label="x")
    assert caught.value.code == "never-healthy"
    assert "was not healthy within 0.2 s" in caught.value.message
    assert "says: not yet" in caught.value.message
    assert caught.value.message.endswith("its log ends:\n    listening")


def test_a_full_disk_in_a_data_folder_is_seen_by_the_page(
    local_backend: LocalBackend,
) -> None:
    sandbox = local_backend.open(["ops", "db-1"], label="full")
    try:
        # The stack says how large the folder is.
        outcome = typed(sandbox, "head -c 400M /dev/zero > /var/lib/postgresql/filler", "db-1")
        assert "No space left on device" in outcome["stderr"]
        refused = typed(
            sandbox,
            "psql -h db-1 -U postgres -d smartbeak"
            " -c 'CREATE TABLE filler AS SELECT generate_series(1, 900000)'",
        )
        assert refused["status"] != 0
        # Whether the statement fails or the whole server, its log says why.
        log = sandbox.host("db-1").request("logs", timeout_s=60, lines=200)["text"]
        assert "No space left on device" in log
    finally:
        sandbox.close()


def test_a_failed_start_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    start: Callable[..., None] = LocalSandbox.start

    def remember(self: LocalSandbox, *, in_order: bool) -> None:
        made.extend(processes_of(self.process_id))
        start(self, in_order=in_order)

    monkeypatch.setattr(LocalSandbox, "start", remember)
    backend = project(
        tmp_path,
        """
        api:
          command: [bash, -c, "sleep 300 & exit 1"]
          healthcheck: {test: [CMD, "false"], interval: 50ms, retries: 4000}
        """,
    )
    with pytest.raises(HarnessError, match="service-exited"):
        backend.open(["api"], label="x")
    assert len(made) > 3
    assert gone(made)
    assert not list((tmp_path / "build/templates").glob("*/volumes"))


def test_the_words_of_a_kept_sandbox_lead_into_the_host(
    pair: LocalSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = io.StringIO()
    monkeypatch.setattr(sys, "__stderr__", said)
    monkeypatch.setattr(signal, "pause", lambda: None)
    hold(pair, "db-2")
    command = said.getvalue().partition("with\n")[2].partition("Ctrl-C")[0].rstrip()
    asked = "uname -n; psql -Atc 'SELECT pg_is_in_recovery()'"
    # As a reader pastes it: into a shell.
    entered = subprocess.run(
        ["bash", "-c", f"{command} -c {shlex.quote(asked)}"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (entered.stdout, entered.stderr) == ("db-2\nt\n", "")
