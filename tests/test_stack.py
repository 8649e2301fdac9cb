"""What the engine reads from the compose file."""

from __future__ import annotations

from pathlib import Path

import pytest

from drillbook.errors import HarnessError, PageError, Where
from drillbook.sandboxes import entries, stack
from drillbook.sandboxes.service import Mount

FILE = """
services:
  api:
    hostname: api-1
    command: [serve, "--port", 80]
    environment: {PORT: 80, HOME: /home/api}
    volumes: ["./conf:/conf:ro", "data:/data"]
    secrets: [token, {source: key, target: /run/tls/api.key}]
    networks: {inside: {aliases: [api.example]}}
    depends_on: {db: {condition: service_healthy}}
    healthcheck: {test: [CMD, check, "-q"], interval: 500ms, retries: 4, start_period: 1s}
    x-drillbook: {log: /var/log/api.log, versions: {api: [api, --version]}, simulated: true}
  db: {depends_on: [disk]}
  disk:
secrets:
  token: {file: "${STATE:-./state}/token"}
  key: {file: "${STATE:-./state}/key"}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "examples").mkdir()
    (tmp_path / stack.COMPOSE_FILE).write_text(FILE)
    return tmp_path


def test_all_that_a_backend_needs_is_read(root: Path) -> None:
    api = stack.load(root, {"STATE": "/s"}).services["api"]
    assert api.names == ("api", "api-1", "api.example")
    assert api.command == ("serve", "--port", "80")
    assert api.environment == {"PORT": "80", "HOME": "/home/api"}
    assert api.mounts == (
        Mount(str(root / "examples/conf"), "/conf", volume=False),
        Mount("data", "/data", volume=True),
        Mount("/s/token", "/run/secrets/token", volume=False),
        Mount("/s/key", "/run/tls/api.key", volume=False),
    )
    assert api.needs == ("db",)
    assert api.healthcheck
    assert api.healthcheck.test == ("check", "-q")
    assert (api.healthcheck.interval_s, api.healthcheck.patience_s) == (0.5, 3.0)
    assert api.versions == {"api": ("api", "--version")}
    assert api.simulated


def test_a_tool_with_a_lock_of_its_own_is_a_program_that_a_service_may_ask_for(root: Path) -> None:
    file = root / stack.COMPOSE_FILE
    asked = FILE.replace("simulated: true", "programs: [tool]")
    file.write_text(asked)
    with pytest.raises(HarnessError, match="api: there is no program 'tool'"):
        stack.load(root)
    file.write_text(asked + "x-drillbook: {python-tools: {tool: tool/requirements.lock}}\n")
    found = stack.load(root)
    assert found.python_tools == {"tool": str(root / "examples/tool/requirements.lock")}
    assert stack.named(found.services.values()) == "api db disk"


def test_a_variable_without_a_value_takes_its_default(root: Path) -> None:
    mounts = stack.load(root, {}).services["api"].mounts
    assert mounts[2].source == str(root / "examples/state/token")


def test_what_is_needed_comes_first_and_once(root: Path) -> None:
    wanted = stack.load(root, {}).closure(["api", "db"])
    assert [service.name for service in wanted] == ["disk", "db", "api"]


def test_two_services_with_one_name_are_in_no_sandbox(root: Path) -> None:
    path = root / stack.COMPOSE_FILE
    path.write_text(path.read_text().replace("  disk:", "  disk: {hostname: api.example}"))
    found = stack.load(root, {})
    assert [service.name for service in found.of_sandbox(["db"])] == ["disk", "db"]
    with pytest.raises(PageError) as caught:
        found.of_sandbox(["api"])
    assert str(caught.value) == (
        "names-clash: disk and api are both called api.example\n"
        "  hint: no sandbox has both: name one of them in `stack`"
    )


def test_an_unknown_service_is_named_with_those_there_are(root: Path) -> None:
    with pytest.raises(PageError) as caught:
        stack.load(root, {}).service("redis", Where("source/x.md", 4))
    assert str(caught.value) == (
        "source/x.md:4: unknown-service: the stack has no service 'redis'\n"
        "  hint: services: api, db, disk"
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[CMD, check", "[CMD-SHELL, check", "must be a CMD list, not CMD-SHELL"),
        ("500ms", "soon", "'soon' is no duration"),
        ("${STATE:-./state}/key", "${STATE}/key", "${STATE} has no value"),
        ("services:", "services: [", "examples/compose.yaml:4: bad-stack: ParserError: "),
    ],
)
def test_a_broken_file_says_what_and_where(root: Path, old: str, new: str, said: str) -> None:
    path = root / stack.COMPOSE_FILE
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(HarnessError) as caught:
        stack.load(root, {})
    assert said in str(caught.value)


@pytest.mark.parametrize(("text", "seconds"), [("500ms", 0.5), ("1m30s", 90), ("2s", 2)])
def test_durations(text: str, seconds: float) -> None:
    assert entries.duration(text) == seconds


def test_what_the_engine_does_not_know_is_an_error(tmp_path: Path) -> None:
    def said(text: str) -> str:
        (tmp_path / "examples").mkdir(exist_ok=True)
        (tmp_path / "examples/compose.yaml").write_text(text)
        with pytest.raises(HarnessError) as caught:
            stack.load(tmp_path)
        return str(caught.value)

    assert said("{x-drillbook: {probers: x}, services: {}}").startswith(
        "examples/compose.yaml: bad-stack: ValueError: x-drillbook has no `probers`: its keys are "
    )
    assert said("services: {a: {x-drillbook: {noticed_by: x}}}").startswith(
        "examples/compose.yaml: bad-stack: ValueError: x-drillbook of a has no `noticed_by`: "
    )
    assert said("services: {a: {x-drillbook: {programs: [nginx]}}}") == (
        "examples/compose.yaml: bad-stack: ValueError: a: there is no program 'nginx'"
    )
    service = "services: {a: {command: [x], x-drillbook: {programs: [nginx]}}}"
    (tmp_path / stack.COMPOSE_FILE).write_text(
        f"x-drillbook: {{npm-tools: {{nginx: at}}}}\n{service}"
    )
    found = stack.load(tmp_path).npm_tools
    assert found == {"nginx": str((tmp_path / "examples/at").resolve())}


def test_a_volume_in_memory_has_a_size(root: Path) -> None:
    (root / stack.COMPOSE_FILE).write_text(
        """
services: {db-1: {command: [db], volumes: ["db-1:/data", "backup:/backup"]}}
volumes:
  db-1: {driver_opts: {type: tmpfs, device: tmpfs, o: "size=384m,mode=1777"}}
  made-of-a-folder: {driver_opts: {type: none, device: /srv, o: "bind"}}
  backup:
"""
    )
    assert stack.load(root).sizes == {"db-1": "384m"}


def test_data_that_must_agree_is_one_group_and_what_hosts_share_is_none(root: Path) -> None:
    (root / stack.COMPOSE_FILE).write_text(
        """
services:
  ops: {volumes: ["config:/etc/app"]}
  db-1: {command: [db], volumes: ["db-1:/data", "backup:/backup"]}
  db-2: {command: [db], volumes: ["db-2:/data", "backup:/backup"], depends_on: [db-1]}
  cache: {command: [cache], volumes: ["cache:/data"]}
  watcher: {command: [watch], volumes: ["seen:/seen"], depends_on: [cache]}
  api: {command: [serve], volumes: ["config:/etc/app"], depends_on: [db-1, cache]}
"""
    )
    found = stack.load(root)
    assert found.data_volumes == ("db-1", "backup", "db-2", "cache", "seen")
    groups = [[service.name for service in group] for group in found.together()]
    assert groups == [["db-1", "db-2"], ["cache", "watcher"]]
