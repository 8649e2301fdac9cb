"""Secrets are rotated, strangers are seen, and no secret is ever said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from drillbook.drills import faults
from drillbook.sandboxes.local import LocalBackend
from smartbeak_drills.kit import KIT
from smartbeak_ops import settings
from smartbeak_ops.guards import addresses, secrets
from smartbeak_ops.guards import packages as guard
from smartbeak_ops.looks import floods, packages, security, strangers
from smartbeak_ops.refusal import RefusedError
from tests.stack.box import Box, eventually

NEW = "0123456789abcdef" * 4
OTHER = NEW[::-1]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with two good new signing keys; the old ones stand in `first`."""
    first, folder = tmp_path / "first", tmp_path / "store"
    first.mkdir()
    folder.mkdir()
    for name in ("jwt-key-1", "jwt-key-2", "stripe-webhook"):
        (first / name).write_text(f"{name}-{'a' * 40}\n")
    monkeypatch.setattr(settings, "SECRETS", first)
    monkeypatch.setattr(settings, "STORE", folder)
    put(folder, "jwt-key-1", NEW)
    put(folder, "jwt-key-2", OTHER)
    return folder


def put(folder: Path, name: str, value: str, mode: int = 0o600) -> None:
    file = folder / f"{name}.new"
    file.write_text(value + "\n")
    file.chmod(mode)


def test_two_new_keys_may_take_the_place_of_the_old_ones(store: Path) -> None:
    secrets.rotate(["jwt-key-1", "jwt-key-2"])


@pytest.mark.parametrize(
    ("names", "name", "value", "mode", "said"),
    [
        (["postgres"], "", "", 0, "postgres is no secret of the platform: jwt-key-1, "),
        (["jwt-key-1"], "", "", 0, "jwt-key-2 stays: tokens signed with it are taken too"),
        (["jwt-key-2"], "", "", 0, "jwt-key-1 stays: tokens signed with it are taken too"),
        (["stripe-webhook"], "", "", 0, "{store}/stripe-webhook.new is not there"),
        (None, "jwt-key-1", NEW, 0o640, "{store}/jwt-key-1.new can be read by others: "),
        (None, "jwt-key-1", "short", 0o600, "jwt-key-1.new has fewer than 32 characters"),
        (None, "jwt-key-1", "k3Y" + "Key" + NEW, 0o600, "jwt-key-1.new holds a word that "),
        (None, "jwt-key-1", OTHER, 0o600, "two of the new values are the same"),
    ],
)
def test_what_is_no_new_value_is_refused(
    store: Path, names: list[str] | None, name: str, value: str, mode: int, said: str
) -> None:
    if name:
        put(store, name, value, mode)
    with pytest.raises(RefusedError) as refused:
        secrets.rotate(names or ["jwt-key-1", "jwt-key-2"])
    assert refused.value.reason.startswith(said.format(store=store))
    assert NEW not in refused.value.reason


def test_a_value_that_was_in_use_is_refused_wherever_it_was(store: Path) -> None:
    put(store, "stripe-webhook", f"jwt-key-1-{'a' * 40}")
    with pytest.raises(RefusedError, match="is a value that is or was in use"):
        secrets.rotate(["stripe-webhook"])
    # Rotated once, the first value still counts as used.
    (store / "stripe-webhook").write_text(NEW)
    put(store, "stripe-webhook", f"stripe-webhook-{'a' * 40}")
    with pytest.raises(RefusedError, match="is or was in use"):
        secrets.rotate(["stripe-webhook"])


def test_only_requests_that_were_let_in_count() -> None:
    line = '{{"message": "request completed", "status": {}, "userId": "{}"}}'
    asked = [
        *(line.format(*each) for each in ((200, "a"), (404, "a"), (200, "a"), (401, ""))),
        line.format(200, "sb-operator-org_1"),
        '{"message": "request completed", ',
        "no JSON",
    ]
    assert strangers.used(asked) == {"a": 2}


def test_the_tables_are_those_of_the_migrations(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(__file__).parents[2] / "examples/platform/migrations/sql"
    monkeypatch.setattr(settings, "MIGRATIONS", folder)
    assert {"users", "content_items", "event_outbox"} <= security.tables()


def test_only_what_had_no_good_token_just_now_counts_as_a_flood() -> None:
    line = '{{"time": "2026-11-27T05:00:{:02}.000Z", "status": {}}}'
    asked = [line.format(*each) for each in ((1, 401), (12, 401), (13, 401), (13, 200))]
    more = ['{"status": 401', '{"path": "status\\": 401"}', "no JSON"]
    assert floods.refused([*asked, *more], "2026-11-27T05:00:10.000+00:00") == 2


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("198.51.100.23/32", ""),
        ("198.51.100.0/24", ""),
        ("198.51.100.0/23", "198.51.100.0/23 is wider than /24: the Technical Lead decides"),
        ("198.51.100.23/24", "198.51.100.23/24 is no network: an address is written with /32"),
        ("everybody", "everybody is no network: an address is written with /32"),
        ("203.0.113.9/32", "api is in 203.0.113.9/32"),
    ],
)
def test_few_addresses_are_blocked_and_none_of_ours(
    monkeypatch: pytest.MonkeyPatch, network: str, said: str
) -> None:
    def found(host: str) -> str:
        if host != "api":
            raise OSError
        return "203.0.113.9"

    monkeypatch.setattr("socket.gethostbyname", found)
    if not said:
        addresses.block(network)
        return
    with pytest.raises(RefusedError) as refused:
        addresses.block(network)
    assert refused.value.reason == said


def package(folder: Path, name: str, version: str, text: str) -> None:
    (folder / name / "lib").mkdir(parents=True)
    (folder / name / "package.json").write_text(json.dumps({"version": version}))
    (folder / name / "lib/index.js").write_text(text)


def test_one_version_with_another_content_is_changed(tmp_path: Path) -> None:
    ours, runs = tmp_path / "ours", tmp_path / "runs"
    for folder in (ours, runs):
        package(folder, "same", "1.0.0", "x")
        package(folder, "@scope/changed", "1.0.0", folder.name)
        package(folder, "newer", {"ours": "1.0.1", "runs": "1.0.0"}[folder.name], folder.name)
    package(runs, "linked", "1.0.0", "x")
    (ours / "linked").symlink_to(runs / "linked")
    package(ours, "only-ours", "1.0.0", "x")
    package(ours / "same/node_modules", "inner", "1.0.0", "x")
    assert packages.changed(ours, runs) == ["@scope/changed"]
    (ours / "same/lib/more.js").write_text("a file more")
    assert packages.changed(ours, runs) == ["@scope/changed", "same"]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"node_modules/a": "sha512-a"}, ""),
        (None, "{folder} has no .package-lock.json: npm ci did not make it"),
        ({"node_modules/a": "sha512-b"}, "node_modules/a has not the hash that {lock} names"),
        ({"node_modules/a": ""}, "node_modules/a has not the hash that {lock} names"),
        ({"node_modules/c": "sha512-a"}, "node_modules/c has not the hash that {lock} names"),
        ({}, "node_modules/a is missing in {folder}"),
    ],
)
def test_only_what_the_lock_names_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: dict[str, str] | None, said: str
) -> None:
    lock = tmp_path / "package-lock.json"
    more = {"node_modules/b": {"integrity": "sha512-b", "optional": True}}
    lock.write_text(
        json.dumps({"packages": {"": {}, "node_modules/a": {"integrity": "sha512-a"}, **more}})
    )
    monkeypatch.setattr(settings, "LOCK", lock)
    if made is not None:
        found = {name: {"integrity": value} for name, value in made.items()}
        (tmp_path / ".package-lock.json").write_text(json.dumps({"packages": found}))
    if not said:
        guard.use(tmp_path)
        return
    with pytest.raises(RefusedError) as refused:
        guard.use(tmp_path)
    assert refused.value.reason == said.format(folder=tmp_path, lock=lock)


@pytest.fixture(scope="module")
def box(local_backend: LocalBackend) -> Iterator[Box]:
    box = Box(local_backend, ["app", "db-1", "redis-1", "api", "web", "worker", "wordpress"])
    yield box
    box.close()


_ROTATE = """
store=/etc/smartbeak/secrets
install --directory --mode 700 "$store"
for name in jwt-key-1 jwt-key-2; do (umask 077 && openssl rand -hex 32 >"$store/$name.new"); done
sb may rotate jwt-key-1 jwt-key-2
for name in jwt-key-1 jwt-key-2; do mv "$store/$name.new" "$store/$name"; done
"""


def test_evidence_output_and_logs_hold_no_secret_byte_by_byte(box: Box) -> None:
    """Each secret of the stack, the stolen ones and the new ones, in what an incident keeps."""
    for loot in ("key", "webhook"):
        faults.inject(faults.parse(f"intrude {loot}", KIT), KIT, box.sandbox)
    said = [box.shell("ops", "sb show key /run/secrets/jwt-key-1; true")]
    said.append(box.shell("ops", _ROTATE))
    box.shell("api", "platform-service restart")
    eventually(
        lambda: box.shell("ops", "sb show key /run/secrets/jwt-key-1; true"),
        lambda text: "refused (401) as owner" in text,
    )
    said.append(box.shell("ops", "sb triage; sb triage security; sb look; sb triage --json"))
    said.append(box.shell("api", "sb triage security; sb show strangers"))
    for host in ("ops", "api", "web", "worker", "db-1", "redis-1"):
        folder = f"/tmp/kept-{host}"
        said.append(box.shell(host, f"sb evidence --to {folder}"))
        said.append(box.shell(host, f"cat {folder}/*"))
    hidden: set[str] = set()
    for host in ("ops", "app", "api", "db-1", "wordpress"):
        hidden |= set(box.shell(host, "cat /run/secrets/* /run/tls/*.key || true").splitlines())
    hidden |= set(box.shell("ops", "cat /etc/smartbeak/secrets/*").splitlines())
    hidden = {each.strip() for each in hidden if len(each.strip()) >= 12 and "-----" not in each}
    assert len(hidden) > 10
    text = "\n".join(said)
    assert "support_7" in text, "it is the evidence of this break-in"
    assert not [secret for secret in hidden if secret in text]


def test_nobody_is_left_without_an_owner(box: Box) -> None:
    assert box.shell("ops", "sb may take-role user_6 org_2; echo $?") == "0\n"
    refused = box.shell("ops", "sb may take-role user_5 org_2 2>&1; echo $?")
    assert refused == (
        "REFUSED: user_5 is the only owner of org_2: give another member the role first\n1\n"
    )
    refused = box.shell("ops", "sb may take-role user_5 org_1 2>&1; echo $?")
    assert refused == "REFUSED: user_5 has no role in org_1\n1\n"


def test_the_platforms_own_login_is_never_closed(box: Box) -> None:
    refused = box.shell("ops", "sb may close-login smartbeak 2>&1; echo $?")
    assert refused == "REFUSED: smartbeak is the platform's own: it would be out itself\n1\n"
    assert box.shell("ops", "sb may close-login nobody 2>&1; echo $?") == (
        "REFUSED: there is no role nobody\n1\n"
    )
    box.shell("db-1", "psql -qc 'CREATE ROLE support_tool LOGIN'")
    assert box.shell("ops", "sb may close-login support_tool 2>&1; echo $?") == "0\n"
    assert "logins: support_tool may log in" in box.shell("ops", "sb triage security")
    box.shell("db-1", "psql -qc 'ALTER ROLE support_tool NOLOGIN'")
    assert box.shell("ops", "sb may close-login support_tool 2>&1; echo $?") == (
        "REFUSED: support_tool cannot log in\n1\n"
    )
    box.shell("db-1", "psql -qc 'DROP ROLE support_tool'")


def test_a_member_of_two_organizations_is_named_only_while_the_second_is_new(box: Box) -> None:
    enter = "INSERT INTO memberships (user_id, org_id, role) VALUES ('user_6', 'org_3', 'viewer')"
    box.shell("db-1", f'psql -qd smartbeak -c "{enter}"')
    said = box.shell("ops", "sb triage security")
    assert "members: user_6 is viewer of org_3 as well\n" in said
    assert "branch: runbooks/security-incident-response/data-read-by-others" in said
    which = "WHERE user_id = 'user_6' AND org_id = 'org_3'"
    aged = f"UPDATE memberships SET created_at = now() - interval '25 hours' {which}"
    box.shell("db-1", f'psql -qd smartbeak -c "{aged}"')
    assert "members: nobody came into a second" in box.shell("ops", "sb triage security")
    box.shell("db-1", f'psql -qd smartbeak -c "DELETE FROM memberships {which}"')
