"""The simulated Vercel: what it answers, and what it does not know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulators.hosting import vercel
from simulators.messages import Answer, Request

TOKEN = "aToken"
GOOD = "dpl_3bVtY7Nw5hLp"


@pytest.fixture
def service(tmp_path: Path) -> vercel.Vercel:
    (tmp_path / "secret").write_text("a-To_ken\n")
    return vercel.Vercel(tmp_path / "state/vercel.json", tmp_path / "secret")


def ask(
    service: vercel.Vercel, method: str, path: str, *, token: str = TOKEN, host: str = ""
) -> Answer | None:
    headers = {"host": host or "api.vercel.com", "authorization": f"Bearer {token}"}
    return service.answer(Request(method, path, {}, headers, b""))


def told(answer: Answer | None) -> dict[str, object]:
    assert answer and answer.status < 300, answer
    found: dict[str, object] = json.loads(answer.body()[1])
    return found


def status(answer: Answer | None) -> int:
    assert answer
    return answer.status


def test_a_wrong_token_sees_nothing(service: vercel.Vercel) -> None:
    assert status(ask(service, "GET", "/v2/user", token="another")) == 403
    assert status(ask(service, "GET", "/v2/user")) == 200


def test_what_is_not_simulated_is_said(service: vercel.Vercel) -> None:
    for method, path in (
        ("POST", "/v13/deployments"),
        ("DELETE", f"/v13/deployments/{GOOD}"),
        ("GET", f"/v9/projects/{vercel.PROJECT}/domains"),
        ("POST", f"/v9/projects/prj_another/rollback/{GOOD}"),
    ):
        assert ask(service, method, path) is None, path


def test_production_is_one_deployment_and_its_name_leads_there(
    service: vercel.Vercel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vercel, "_TAKES_S", 3600.0)
    state = service._state

    def page(host: str = vercel.SITE) -> int:
        return status(ask(service, "GET", "/", host=host))

    assert page() == 200
    assert len(told(ask(service, "GET", "/v6/deployments"))["deployments"]) == 3  # type: ignore[arg-type]
    assert status(ask(service, "GET", f"/v13/deployments/{vercel.BAD}")) == 404
    vercel.deploy(state)
    assert page() == 500
    assert len(told(ask(service, "GET", "/v6/deployments"))["deployments"]) == 4  # type: ignore[arg-type]
    good = str(told(ask(service, "GET", f"/v13/deployments/{GOOD}"))["url"])
    assert page(good) == 200
    back = f"/v9/projects/{vercel.PROJECT}/rollback/"
    assert status(ask(service, "POST", back + "dpl_unknown")) == 404
    assert page() == 500
    assert status(ask(service, "POST", back + GOOD)) == 201
    assert page() == 200
    assert status(ask(service, "POST", back + GOOD)) == 409
    last = told(ask(service, "GET", f"/v9/projects/{vercel.PROJECT}"))["lastAliasRequest"]
    assert isinstance(last, dict)
    assert (last["type"], last["toDeploymentId"]) == ("rollback", GOOD)
    assert last["jobStatus"] == "in-progress"
    # Who starts again finds what was.
    again = vercel.Vercel(state, service._secret)
    assert status(ask(again, "GET", "/", host=vercel.SITE)) == 200


def test_values_of_variables_are_not_told(service: vercel.Vercel) -> None:
    envs = told(ask(service, "GET", f"/v10/projects/{vercel.PROJECT}/env"))["envs"]
    assert isinstance(envs, list)
    assert envs and {each["value"] for each in envs} == {""}


def test_no_other_name_is_a_site(service: vercel.Vercel) -> None:
    assert status(ask(service, "GET", "/", host="www.example.com")) == 404
