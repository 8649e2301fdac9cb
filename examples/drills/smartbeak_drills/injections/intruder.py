"""Faults of security: somebody is inside who should not be."""

from __future__ import annotations

from drillbook.drills.hosts import run, spawn
from drillbook.sandboxes.sandbox import Sandbox
from smartbeak_drills.agreed import RAISED
from smartbeak_drills.injections import client
from smartbeak_drills.places import ABROAD, PRIMARY


def intrude(sandbox: Sandbox, loot: str) -> None:
    """Has an intruder use a stolen secret, from where users are."""
    client.start(sandbox, f"intruder-{loot}", "intruder", loot, what="the intruder did not get in")


def use_login(sandbox: Sandbox) -> None:
    """Has an intruder log in to the database and stay."""
    intrude(sandbox, "login")


def flood(sandbox: Sandbox) -> None:
    """Has an address of nobody's guess tokens, again and again."""
    argv = ["python3", "-m", "smartbeak_drills.flood"]
    spawn(sandbox, ABROAD, "flood", argv, what="nobody is flooded")


def plant_login(sandbox: Sandbox, role: str) -> None:
    """Makes a superuser of the database, and an owner of an organization, as an insider does."""
    planted = f"""
        DO $$ BEGIN
          EXECUTE format('CREATE ROLE %I SUPERUSER LOGIN PASSWORD %L', '{role}',
                         gen_random_uuid());
        END $$"""
    raised = f"""
        UPDATE memberships SET role = 'owner', updated_at = now() WHERE user_id = '{RAISED}'"""
    for statement in (planted, raised):
        run(
            sandbox, PRIMARY, "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1",
            "--dbname=smartbeak", f"--command={statement}",
        )  # fmt: skip
