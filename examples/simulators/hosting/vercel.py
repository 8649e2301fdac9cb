"""The part of Vercel's API that its command line asks when a deployment is taken back.

https://vercel.com/docs/rest-api. Its user, one team, one project with its deployments, which of
them production's name leads to, and its variables, whose values it does not tell. The name leads
here too: a deployment answers with its page, or fails. Left out: building and deploying, domains
and their certificates, logs, functions, regions, the edge cache and everything else. A change of
production takes `_TAKES_S`; Vercel's takes some seconds as well.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulators.messages import Answer, Request

TEAM, PROJECT, NAME = "team_smartbeak", "prj_smartbeakweb", "smartbeak-web"
_TEAM = {"id": TEAM, "slug": "smartbeak"}
USER = {"id": "user_1", "uid": "user_1", "email": "operator@example.com", "username": "operator"}
SITE = "app.smartbeak.com"
"""The name that users have; it leads to production's deployment."""

_OF_THE_API = ("api.vercel.com", "127.0.0.1")
_TAKES_S = 1.0
_DAY_MS = 24 * 3600 * 1000

BAD = "dpl_4dCmZ3Rk8uQ2"
"""The newest deployment. It is there from `deployed` on: a release whose page fails."""

# Id, commit, age in days, whether it works.
_DEPLOYMENTS = (
    (BAD, "4d1c9e2", 0.02, False),
    ("dpl_3bVtY7Nw5hLp", "3b7a0f4", 1.0, True),
    ("dpl_2cXsW9Mf1jKd", "2c58e61", 4.0, True),
    ("dpl_1aQrU6Bg4eJx", "1a93d07", 9.0, True),
)
_VARIABLES = ("NEXT_PUBLIC_API_URL", "STRIPE_WEBHOOK_SECRET", "CLERK_WEBHOOK_SECRET")


class Vercel:
    """Vercel, as far as a rollback asks it.

    Args:
        state: File that says which deployment is production's, and since when.
        secret: File with the token.
        clock: Seconds of the day.
    """

    def __init__(self, state: Path, secret: Path) -> None:
        self._state = state
        self._secret = secret
        if not state.exists():
            state.parent.mkdir(parents=True, exist_ok=True)
            first = {"began": time.time(), "production": _DEPLOYMENTS[1][0], "last": None}
            _keep(state, first)

    def answer(self, request: Request) -> Answer | None:
        """See `messages.Simulator`."""
        now = self._read()
        if request.site not in _OF_THE_API:
            return self._page(request, now)
        if refusal := self._refusal(request.headers):
            return refusal
        parts = request.path.strip("/").split("/")
        if parts[0].startswith("v") and parts[0][1:].isdecimal():
            parts = parts[1:]
        return self._route(request, parts, now)

    def _route(self, request: Request, parts: list[str], now: dict[str, Any]) -> Answer | None:
        match (request.method, *parts):
            case ("GET", "user"):
                return Answer(
                    200, {"user": {**USER, "defaultTeamId": TEAM, "version": "northstar"}}
                )
            case ("GET", "teams", _):
                return Answer(200, {**_TEAM, "name": "SmartBeak"})
            case ("GET", "projects", name) if name in (PROJECT, NAME):
                return Answer(200, self._project(now))
            case ("GET", "deployments"):
                return Answer(200, self._listed(request.query, now))
            case ("GET", "deployments", name):
                found = self._found(name, now)
                return Answer(200, found) if found else _missing("deployment")
            case ("POST", "projects", name, ("rollback" | "promote") as what, uid) if (
                name == PROJECT
            ):
                return self._turn(what, uid, now)
            case ("GET", "projects", name, "env") if name == PROJECT:
                return Answer(200, {"envs": self._variables(now)})
            case ("GET", "projects", name, "custom-environments") if name == PROJECT:
                return Answer(200, {"environments": []})
            case ("GET", "deployments", _, "builds"):
                return Answer(200, {"builds": []})
        return None

    def unavailable(self, request: Request) -> Answer:
        """See `messages.Simulator`."""
        return _error(500, "internal_server_error", "Internal Server Error")

    broken = unavailable

    def _page(self, request: Request, now: Mapping[str, Any]) -> Answer | None:
        """What users are answered at production's name, or at a deployment's own."""
        wanted = now["production"]
        for uid, commit, _, works in _there(now):
            if request.site == _host(uid) or (request.site == SITE and uid == wanted):
                if works:
                    return Answer(200, f"<!doctype html><title>SmartBeak</title>{commit}\n")
                return Answer(500, "FUNCTION_INVOCATION_FAILED\n")
        return Answer(404, "DEPLOYMENT_NOT_FOUND\n")

    def _refusal(self, headers: Mapping[str, str]) -> Answer | None:
        kind, _, token = headers.get("authorization", "").partition(" ")
        # Its tokens have letters and digits only: the command line refuses others itself.
        right = "".join(filter(str.isalnum, self._secret.read_text()))
        if kind.lower() == "bearer" and hmac.compare_digest(token.encode(), right.encode()):
            return None
        return Answer(
            403, {"error": {"code": "forbidden", "message": "Not authorized", "invalidToken": True}}
        )

    def _project(self, now: Mapping[str, Any]) -> dict[str, Any]:
        last = now["last"]
        request = None
        if last:
            done = time.time() - last["at"] >= _TAKES_S
            request = {
                "fromDeploymentId": last["from"],
                "toDeploymentId": last["to"],
                "jobStatus": "succeeded" if done else "in-progress",
                "requestedAt": round(last["at"] * 1000),
                "type": last["type"],
            }
        return {
            "id": PROJECT,
            "name": NAME,
            "accountId": TEAM,
            "createdAt": round(now["began"] * 1000) - 300 * _DAY_MS,
            "updatedAt": round(now["began"] * 1000),
            "framework": "nextjs",
            "targets": {"production": self._found(now["production"], now)},
            "lastAliasRequest": request,
            "lastRollbackTarget": None,
        }

    def _listed(self, query: Mapping[str, str], now: Mapping[str, Any]) -> dict[str, Any]:
        most = int(query.get("limit", "20"))
        found = [self._found(uid, now) for uid, *_ in _there(now)][:most]
        return {"deployments": found, "pagination": {"count": len(found), "next": None}}

    def _found(self, name: str, now: Mapping[str, Any]) -> dict[str, Any] | None:
        for uid, commit, age, _ in _there(now):
            production = uid == now["production"]
            if name in (uid, _host(uid)) or (name == SITE and production):
                created = round(now["began"] * 1000 - age * _DAY_MS)
                return {
                    "uid": uid, "id": uid, "name": NAME, "project": {"id": PROJECT, "name": NAME},
                    "projectId": PROJECT, "ownerId": TEAM, "team": _TEAM,
                    "url": _host(uid), "created": created, "createdAt": created,
                    "ready": created + 60_000, "buildingAt": created + 1000,
                    "state": "READY", "readyState": "READY", "readySubstate": "PROMOTED",
                    "target": "production", "type": "LAMBDAS", "version": 2, "regions": ["iad1"],
                    "source": "git", "creator": USER, "meta": {"githubCommitSha": commit},
                    "alias": [SITE] if production else [], "aliasAssigned": True, "builds": [],
                }  # fmt: skip
        return None

    def _turn(self, what: str, uid: str, now: dict[str, Any]) -> Answer:
        if uid not in {each[0] for each in _there(now)}:
            return _missing("deployment")
        if uid == now["production"]:
            return _error(409, "conflict", "The deployment is production's already")
        last = {"type": what, "from": now["production"], "to": uid, "at": time.time()}
        _keep(self._state, {**now, "production": uid, "last": last})
        return Answer(201, {})

    def _variables(self, now: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [
            {
                "id": f"env_{number}", "key": name, "value": "", "type": "sensitive",
                "target": ["production"], "createdAt": round(now["began"] * 1000) - 90 * _DAY_MS,
                "updatedAt": round(now["began"] * 1000) - 90 * _DAY_MS, "gitBranch": None,
            }
            for number, name in enumerate(_VARIABLES, 1)
        ]  # fmt: skip

    def _read(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._state.read_text())
        return found


def deploy(state: Path) -> None:
    """A release comes to production, and its page fails.

    Args:
        state: The file of a service that runs.
    """
    now = json.loads(state.read_text())
    _keep(state, {**now, "production": BAD, "deployed": True})


def _there(now: Mapping[str, Any]) -> tuple[tuple[str, str, float, bool], ...]:
    """The deployments that there are, the newest first."""
    return _DEPLOYMENTS if now.get("deployed") else _DEPLOYMENTS[1:]


def _keep(state: Path, now: Mapping[str, Any]) -> None:
    new = state.with_suffix(".new")
    new.write_text(json.dumps(now))
    new.replace(state)


def _host(uid: str) -> str:
    """Name of a deployment: each has one of its own, for ever."""
    return f"{NAME}-{uid.removeprefix('dpl_').lower()}-smartbeak.vercel.app"


def _error(status: int, code: str, words: str) -> Answer:
    return Answer(status, {"error": {"code": code, "message": words}})


def _missing(what: str) -> Answer:
    return _error(404, "not_found", f"The {what} could not be found")
