"""What a page could do to the machine and to whoever runs it: nothing."""

from __future__ import annotations

import errno
import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from drillbook.errors import HarnessError
from drillbook.inside import limits, privileges, seccomp
from drillbook.sandboxes import exposed, servers, stack
from drillbook.sandboxes.local import LocalBackend
from drillbook.sandboxes.local_sandbox import LocalSandbox
from tests.conftest import ROOT
from tests.processes import gone, processes_of
from tests.test_backend import typed
from tests.test_local import project

PROGRAMS = stack.load(ROOT).programs
POSTGRESQL, REDIS = PROGRAMS["postgresql"], PROGRAMS["redis"]


@pytest.fixture(scope="module")
def ops(local_backend: LocalBackend) -> Iterator[LocalSandbox]:
    """The operator's machine alone."""
    sandbox = local_backend.open(["ops"], label="containment")
    yield sandbox
    sandbox.close()


def in_python(sandbox: LocalSandbox, program: str) -> str:
    """What a Python program on the operator's machine prints."""
    outcome = typed(sandbox, f"python3 - <<'PROGRAM' 2>&1\n{program}\nPROGRAM")
    return str(outcome["stdout"])


# Files of whoever runs it

SECRETS = (".aws/credentials", ".ssh/id_rsa", "secret", "bin/own-tool", "lib/own", "share/own")


def a_home(folder: Path) -> Path:
    for name in SECRETS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("canary\n")
    return folder


@pytest.mark.parametrize("place", ["bin", ".local/bin", "tools/redis/bin", "."])
@pytest.mark.parametrize("how", ["copy", "link"])
def test_a_server_in_a_home_shows_nothing_else_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, how: str
) -> None:
    home = a_home(tmp_path / "home")
    programs = home / place
    programs.mkdir(parents=True, exist_ok=True)
    real = servers.find(REDIS, os.environ)
    for name in REDIS.programs:
        if how == "copy":
            shutil.copy(os.path.realpath(real / name), programs / name)
        else:
            (programs / name).symlink_to(os.path.realpath(real / name))
    monkeypatch.setenv("HOME", str(home))
    project(tmp_path, "ops: {x-drillbook: {programs: [redis]}}", programs={"redis": REDIS})
    backend = LocalBackend(tmp_path, {"PATH": f"{programs}:/usr/bin:/bin"})
    with closing(backend.open(["ops"], label="home")) as sandbox:
        assert typed(sandbox, "redis-cli --version")["status"] == 0
        seen = typed(sandbox, f"find {home} 2>&1 | sort")["stdout"].split()
        assert typed(sandbox, f"cat {home}/{SECRETS[0]}")["status"] == 1
        assert typed(sandbox, f"grep -rl canary {tmp_path} 2>/dev/null")["stdout"] == ""
    names = {Path(each).name for each in seen}
    assert not names & {Path(secret).name for secret in SECRETS}
    assert how == "link" or "redis-server" in names


def test_of_a_database_in_a_home_its_own_folders_are_shown(tmp_path: Path) -> None:
    home = a_home(tmp_path / "home")
    for name in (*POSTGRESQL.programs, "pg_dump"):
        (home / "bin" / name).write_text("#!/bin/sh\n")
        (home / "bin" / name).chmod(0o755)
    for name in ("share/postgresql/postgres.bki", "lib/postgresql/plpgsql.so"):
        (home / name).parent.mkdir(parents=True)
        (home / name).touch()
    folder = exposed.linked(POSTGRESQL, home / "bin", tmp_path / "build")
    assert (folder / "pg_dump").exists() and not (folder / "own-tool").exists()
    below = [each for each in exposed.paths([folder], tmp_path / "build") if "/home/" in each]
    assert {str(Path(each).relative_to(home)) for each in below} == {
        *(f"bin/{name}" for name in (*POSTGRESQL.programs, "pg_dump")),
        "share/postgresql",
        "lib/postgresql",
    }


@pytest.mark.parametrize("above", ["", ".."])
def test_a_home_is_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, above: str) -> None:
    home = tmp_path / "homes/me"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(sys, "prefix", os.path.normpath(home / above))
    with pytest.raises(HarnessError) as caught:
        exposed.paths([], tmp_path / "build")
    assert str(caught.value) == (
        f"home-exposed: a sandbox would show {sys.prefix}, and with it {home}\n"
        "  hint: put the environment into a folder of its own: python3 -m venv .venv"
    )


def test_the_python_below_the_environment_shows_only_what_runs_it(ops: LocalSandbox) -> None:
    base = Path(sys.base_prefix)
    if base == Path("/usr"):
        pytest.skip("the machine's own Python is in /usr, which is shown")
    listed = typed(ops, f"ls {base}/bin; ls {base}")["stdout"].split()
    assert f"python3.{sys.version_info.minor}" in listed
    assert not {"pip", "pip3", "include", "share"} & set(listed)


# The machine


@pytest.mark.parametrize(
    "command",
    [
        "chmod 600 /dev/{}",
        "chown 1000 /dev/{}",
        "rm /dev/{}",
        "mv /dev/{} /dev/other",
        "setfattr -n user.x -v 1 /dev/{}",
    ],
)
@pytest.mark.parametrize("device", ["null", "full", "random"])
def test_devices_stay_as_they_are(ops: LocalSandbox, command: str, device: str) -> None:
    if not shutil.which(command.split()[0]):
        pytest.skip(f"this machine has no {command.split()[0]}")
    before = os.stat(f"/dev/{device}")
    assert typed(ops, command.format(device))["status"] != 0
    after = os.stat(f"/dev/{device}")
    assert (before.st_mode, before.st_ctime_ns) == (after.st_mode, after.st_ctime_ns)


def test_what_proc_says_of_the_machine_cannot_be_written(ops: LocalSandbox) -> None:
    said = typed(
        ops,
        "find /proc -maxdepth 4 -path '/proc/[0-9]*' -prune -o -path '/proc/*self*' -prune"
        " -o -type f -writable -print | while read -r path; do"
        ' [[ ! -f $path ]] || echo "$path"; done',
    )["stdout"]
    assert said == ""


def test_what_proc_says_of_kernel_memory_and_keys_is_empty(ops: LocalSandbox) -> None:
    assert typed(ops, "cat /proc/keys /proc/kcore /proc/timer_list 2>/dev/null")["stdout"] == ""


def test_nobody_in_a_sandbox_is_root_of_the_machine(ops: LocalSandbox) -> None:
    users = set()
    for pid in processes_of(ops.process_id):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended since
        users.add(next(each for each in status.splitlines() if each.startswith("Uid:")))
        powers = next(each for each in status.splitlines() if each.startswith("CapEff:"))
        # None is left, neither the machine's nor those of a namespace.
        assert int(powers.split()[1], 16) == 0, (pid, status)
    expected = privileges.UNPRIVILEGED if os.getuid() == 0 else os.getuid()
    assert users == {"Uid:" + f"\t{expected}" * 4}


def test_root_that_may_not_become_a_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setattr(privileges, "_is_the_machines_root", lambda: True)
    monkeypatch.setattr(privileges, "_effective", lambda: 0)
    with pytest.raises(OSError, match="this root may not make namespaces or change its user"):
        privileges.step_down()


# Keys of the caller's session

_KEYS = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
numbers = {"x86_64": (248, 250), "aarch64": (217, 219)}[os.uname().machine]
SESSION, JOIN, SEARCH = -3, 1, 10
def keyctl(*arguments):
    return libc.syscall(numbers[1], *arguments)
def add(name):
    return libc.syscall(numbers[0], b"user", name, b"secret", 6, SESSION)
"""


def test_a_sandbox_has_a_keyring_of_its_own() -> None:
    program = _KEYS + (
        "from drillbook.inside import privileges\n"
        "keyctl(JOIN, None)\n"
        "print(add(b'canary') > 0, keyctl(SEARCH, SESSION, b'user', b'canary', 0) > 0)\n"
        "privileges.leave_the_session()\n"
        "print(keyctl(SEARCH, SESSION, b'user', b'canary', 0))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    if done.stdout.startswith("False"):
        pytest.skip("the kernel or a container refuses keys")
    assert done.stdout == "True True\n-1\n"


def test_a_page_can_neither_read_nor_leave_a_key(ops: LocalSandbox) -> None:
    said = in_python(
        ops,
        f"{_KEYS}\nprint(add(b'left'), keyctl(0, SESSION, 0), keyctl(JOIN, None), "
        "os.strerror(ctypes.get_errno()))",
    )
    assert said == "-1 -1 -1 Operation not permitted\n"


# System calls


@pytest.mark.parametrize(
    "family",
    [
        pytest.param(number, id=name)
        for name, number in {
            "vsock": 40, "alg": 38, "packet": 17, "bluetooth": 31, "can": 29, "tipc": 30,
            "xdp": 44, "rds": 21, "key": 15, "unspecified": 0, "beyond": 99,
        }.items()
    ],
)  # fmt: skip
def test_a_socket_is_for_the_network_or_for_files(ops: LocalSandbox, family: int) -> None:
    said = in_python(ops, f"import socket\nsocket.socket({family}, socket.SOCK_STREAM)")
    assert "OSError: [Errno 97] Address family not supported by protocol" in said


@pytest.mark.parametrize("family", sorted(seccomp.FAMILIES))
def test_the_families_that_programs_need_work(ops: LocalSandbox, family: str) -> None:
    said = in_python(
        ops, f"import socket\nsocket.socket(socket.{family}, socket.SOCK_DGRAM)\nprint('made')"
    )
    assert said == "made\n"


@pytest.mark.parametrize("name", sorted(seccomp.refused(os.uname().machine)))
def test_a_call_of_the_table_is_refused(ops: LocalSandbox, name: str) -> None:
    number = seccomp.refused(os.uname().machine)[name]
    said = in_python(
        ops,
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        f"print(libc.syscall({number}, -1, 0, 0, 0, 0, 0), ctypes.get_errno())",
    )
    assert said == f"-1 {errno.EPERM}\n"


def test_no_namespace_can_be_made(ops: LocalSandbox) -> None:
    assert typed(ops, "unshare --user true")["status"] != 0
    number = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
    said = in_python(
        ops,
        "import ctypes, signal\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        f"print(libc.syscall({number}, 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0),"
        " ctypes.get_errno())",
    )
    assert said == f"-1 {errno.EPERM}\n"


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_decides_as_its_table_says(machine: str) -> None:
    """The filter's instructions are run here, for the machine that this is not as well."""
    code = [struct.unpack("<HBBI", part) for part in _eights(seccomp.program(machine))]
    here = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
    allow, fails = 0x7FFF0000, 0x00050000

    def verdict(number: int, first: int = 0, kind: str = machine) -> int:
        data = struct.pack("<IIQQ", number, here[kind], 0, first)
        at, value = 0, 0
        while True:
            operation, yes, no, operand = code[at]
            at += 1
            if operation == 0x20:
                value = struct.unpack_from("<I", data, operand)[0]
            elif operation == 0x06:
                return int(operand)
            else:
                holds = {0x15: value == operand, 0x35: value >= operand, 0x45: value & operand}
                at += yes if holds[operation] else no

    refused = set(seccomp.refused(machine).values())
    special = {"x86_64": {41, 56, 435}, "aarch64": {198, 220, 435}}[machine]
    for number in range(500):
        if number not in special:
            expected = fails | errno.EPERM if number in refused else allow
            assert verdict(number) == expected, number
    socket_number, clone, clone3 = sorted(special)
    assert verdict(clone3) == fails | errno.ENOSYS
    for family in range(60):
        known = family in seccomp.FAMILIES.values()
        assert verdict(socket_number, family) == (allow if known else fails | errno.EAFNOSUPPORT)
    assert verdict(clone, 0x003D0F00 | 17) == allow  # a thread, with a signal
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert verdict(clone, flag | 17) == fails | errno.EPERM
    other = "aarch64" if machine == "x86_64" else "x86_64"
    assert verdict(0, kind=other) == fails | errno.ENOSYS
    assert (verdict(0x40000000) == fails | errno.ENOSYS) == (machine == "x86_64")


def _eights(code: bytes) -> list[bytes]:
    return [code[at : at + 8] for at in range(0, len(code), 8)]


# Memory and processes


def test_every_folder_that_can_be_written_has_a_limit(local_backend: LocalBackend) -> None:
    with closing(local_backend.open(["ops", "db-1", "redis-1"], label="limits")) as sandbox:
        for host in ("ops", "db-1", "redis-1"):
            found = typed(
                sandbox, "find / -path /proc -prune -o -type d -writable -print 2>/dev/null", host
            )["stdout"].split()
            assert "/tmp" in found
            # A server may have taken one of its own away by now.
            sizes = typed(sandbox, f"stat -f -c '%S %b %n' {' '.join(found)} 2>&1", host)["stdout"]
            sizes = [line for line in sizes.splitlines() if "No such file" not in line]
            assert len(sizes) > len(found) - 10
            for block, blocks, folder in (line.split(" ", 2) for line in sizes):
                # A volume has less than what a host's own folders have together.
                own = any(
                    folder == each or folder.startswith(f"{each}/") for each in limits.FOLDERS
                )
                most = limits.MEBIBYTES if own else 512
                assert 0 < int(block) * int(blocks) <= most << 20, (host, folder)
    assert limits.MEBIBYTES == 768


def test_a_full_folder_says_what_the_limit_is(ops: LocalSandbox) -> None:
    # A little more than the limit, once, and given back.
    outcome = typed(ops, f"head -c {limits.MEBIBYTES + 8}M /dev/zero > /tmp/filler")
    try:
        assert outcome["status"] == 1
        assert "No space left on device" in outcome["stderr"]
        assert outcome["limits"] == [limits.NO_SPACE]
        # Its folders share the limit.
        assert typed(ops, "echo more > ~/more && cat ~/more")["limits"] == [limits.NO_SPACE]
    finally:
        typed(ops, "rm -f /tmp/filler ~/more")
    assert typed(ops, "echo again > /tmp/small; rm /tmp/small")["limits"] == []


_FORKS = f"""
import os, signal, time
children = []
try:
    for _ in range({limits.PROCESSES} + 50):
        child = os.fork()
        if child == 0:
            time.sleep(600)
            os._exit(0)
        children.append(child)
    print("no limit")
finally:
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
"""


def test_too_many_processes_say_what_the_limit_is(ops: LocalSandbox) -> None:
    outcome = typed(ops, f"python3 - <<'PROGRAM'\n{_FORKS}\nPROGRAM")
    assert (outcome["status"], outcome["stdout"]) == (1, "")
    assert outcome["limits"] == [limits.NO_PROCESS]
    assert typed(ops, "true")["status"] == 0


def test_a_fork_bomb_is_bounded_and_ends_with_its_sandbox(local_backend: LocalBackend) -> None:
    sandbox = local_backend.open(["ops"], label="bomb")
    try:
        typed(sandbox, "bomb() { bomb | bomb & }; bomb 2>/dev/null", timeout_s=180)
        time.sleep(0.5)
        seen = [processes_of(sandbox.process_id) for _ in range(20)]
        # Some end and others begin while they are counted: each count is too high by those.
        assert min(map(len, seen)) <= limits.PROCESSES + 10
        below = {pid for pids in seen for pid in pids}
    finally:
        sandbox.close()
    assert gone(below)


def test_an_agent_that_cannot_fork_names_the_limit(local_backend: LocalBackend) -> None:
    program = (
        "import os, time\nwhile True:\n    try:\n        if os.fork() == 0: time.sleep(600)\n"
        "    except OSError: time.sleep(0.3)"
    )
    with closing(local_backend.open(["ops"], label="full")) as sandbox:
        typed(sandbox, f"python3 - <<'PROGRAM' &\n{program}\nPROGRAM\nsleep 3")
        with pytest.raises(HarnessError) as caught:
            # The place of the last `sleep` is free until the program takes that too.
            deadline = time.monotonic() + 180
            while time.monotonic() < deadline:
                time.sleep(0.5)
                sandbox.host("ops").execute(["true"], timeout_s=60)
        below = processes_of(sandbox.process_id)
    assert (caught.value.code, caught.value.message) == (
        "process-limit",
        f"exec on ops: {limits.NO_PROCESS}",
    )
    assert gone(below)
