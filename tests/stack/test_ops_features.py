"""Whether one feature fails and the rest works, by what the API counts."""

from __future__ import annotations

import pytest

from smartbeak_ops import settings, web
from smartbeak_ops.api import Api
from smartbeak_ops.looks import features
from smartbeak_ops.looks.features import Broken
from smartbeak_ops.looks.seen import Seen

# Lines of a real API's /metrics.
LINE = 'http_requests_total{{method="{}",route="{}",status="{}"}} {:.1f}\n'


def _page(*said: tuple[str, str, int, float]) -> str:
    return "".join(LINE.format(*each) for each in said)


SAVING = ("POST", "/v1/content", 500, 12)
"""Saving fails, often enough to say so."""

CASES = {
    "saving fails, reading works": (
        [SAVING, ("GET", "/v1/content", 200, 1)],
        Broken("POST /v1/content", 12, 12),
    ),
    "reading by id works": (
        [SAVING, ("GET", "/v1/content/{content_id}", 200, 1)],
        Broken("POST /v1/content", 12, 12),
    ),
    "what failed before a route": (
        [("GET", "none", 500, 12), ("POST", "/v1/content", 200, 9)],
        None,
    ),
    "probes are nobody's feature": ([SAVING, ("GET", "/readyz", 200, 99)], None),
    "what is away is no defect": (
        [("POST", "/v1/content", 503, 12), ("GET", "/v1/content", 200, 9)],
        None,
    ),
    "everything fails": ([SAVING, ("GET", "/v1/content", 500, 9)], None),
    "one of ten fails: the release errs": (
        [
            ("POST", "/v1/content", 500, 2),
            ("POST", "/v1/content", 200, 18),
            ("GET", "/v1/content", 200, 20),
        ],
        None,
    ),
    "too few to say": ([("POST", "/v1/content", 500, 2)], None),
    "nothing was asked yet": ([], None),
}


@pytest.mark.parametrize("name", CASES)
def test_a_feature_is_broken_where_its_route_fails_and_others_work(name: str) -> None:
    said, found = CASES[name]
    assert features.broken(features.counts(_page(*said))) == found


@pytest.mark.parametrize(("more", "said"), [(3, "fails"), (0, "works")])
def test_what_is_over_is_not_told(monkeypatch: pytest.MonkeyPatch, more: int, said: str) -> None:
    before = _page(("POST", "/v1/content", 500, 12), ("GET", "/v1/content", 200, 1))
    after = _page(("POST", "/v1/content", 500, 12 + more), ("GET", "/v1/content", 200, 2))
    pages = iter((before, before, after))
    monkeypatch.setattr(settings, "known", lambda _: True)
    monkeypatch.setattr(Api, "ask", lambda *_: None)
    monkeypatch.setattr(features, "_AGAIN_S", 0.0)
    monkeypatch.setattr(web, "get", lambda _: web.Reply(200, next(pages), 0.0))
    seen = Seen()
    features.look().see(seen)
    assert seen.facts == {"api.feature": said}
    assert seen.lines == (
        ["api: POST /v1/content: 12 of 12 requests failed, the others work"] if more else []
    )
