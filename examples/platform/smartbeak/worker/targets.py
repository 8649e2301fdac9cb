"""Publish targets: how a post gets to WordPress and LinkedIn, once."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from smartbeak.data.jobs import Category
from smartbeak.process import lean

# httpx loads its command line, which draws with Rich and Pygments.
with lean.without("pygments"):
    import httpx

CONNECT_S = 5.0
"""Longest that connecting to a target may take."""

LINKEDIN_VERSION = "202602"
"""Version of LinkedIn's API, by year and month."""

_ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?")
_POSTS = "/wp-json/wp/v2/posts"
_NOBODY = "urn:li:organization:1"


class TargetError(Exception):
    """A target that did not take a post.

    Attributes:
        status: What it answered; 0 without an answer.
        category: What kind of failure it is.
    """

    def __init__(self, text: str, *, status: int = 0, category: Category = "unknown") -> None:
        self.status = status
        self.category: Category = category
        super().__init__(text)

    @property
    def counts(self) -> bool:
        """Whether it speaks against the target: a refusal of what we sent does not."""
        return not 400 <= self.status < 500 or self.status in (408, 429)


@dataclass(frozen=True)
class Post:
    """What is to be published."""

    key: str
    """The publishing job's id: it names the post on the target, so that sending it again
    does not make another one."""

    title: str
    body: str
    summary: str
    site: str
    """Name of the domain it belongs to."""


@dataclass(frozen=True)
class Accepted:
    """A post that the target has."""

    id: str
    """What the target calls it; empty if it does not say."""

    before: bool
    """Whether an earlier attempt had brought it there."""


Fence = Callable[[], None]
"""Raises if another worker may have the job by now; called right before a post is sent."""


class Adapter(Protocol):
    """The way to one kind of target."""

    async def publish(self, config: Mapping[str, Any], post: Post, fence: Fence) -> Accepted:
        """Publishes a post that may be there already.

        Args:
            config: How to reach the target.
            post: The post.
            fence: Called right before it is sent.

        Raises:
            TargetError: It is not known to be there.
        """


def client(timeout_s: float) -> httpx.AsyncClient:
    """A client for all targets. It trusts the authorities of SSL_CERT_FILE, or the system's.

    Args:
        timeout_s: Longest wait for an answer: a target that is still at work has the post
            in the end, and giving up early is what doubles posts.
    """
    return httpx.AsyncClient(
        verify=ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE")),
        timeout=httpx.Timeout(timeout_s, connect=CONNECT_S),
        follow_redirects=False,
        trust_env=False,
        headers={"User-Agent": "SmartBeak", "Accept": "application/json"},
    )


def adapters(http: httpx.AsyncClient, secrets: Mapping[str, str]) -> Mapping[str, Adapter]:
    """The adapter of each kind of target.

    Args:
        http: To reach them with.
        secrets: Their credentials, by variable.
    """
    return {
        "wordpress": WordPress(http, secrets["WORDPRESS_APP_PASSWORD"]),
        "linkedin": LinkedIn(http, secrets["LINKEDIN_TOKEN"]),
    }


def host_of(config: Mapping[str, Any]) -> str:
    """Name of a target's host; empty if its address has none."""
    return urlsplit(str(config.get("url", ""))).hostname or ""


class WordPress:
    """WordPress' REST API. A post's slug is its key.

    Args:
        http: To reach sites with.
        password: Application password.
    """

    def __init__(self, http: httpx.AsyncClient, password: str) -> None:
        self._http = http
        self._password = password

    async def publish(self, config: Mapping[str, Any], post: Post, fence: Fence) -> Accepted:
        """See `Adapter`. The site is asked first: it never refuses a second post."""
        url = _address(config) + _POSTS
        login = httpx.BasicAuth(str(config.get("username", "smartbeak")), self._password)
        query = {"slug": post.key, "status": "any"}
        answer = await _send(self._http, "GET", url, params=query, auth=login, to="wordpress")
        if found := _json(answer):
            return Accepted(str(found[0].get("id", "")), before=True)
        fence()
        said = {
            **{"slug": post.key, "title": post.title, "content": post.body},
            **{"excerpt": post.summary, "status": "publish"},
        }
        answer = await _send(self._http, "POST", url, json=said, auth=login, to="wordpress")
        made = _json(answer)
        return Accepted(str(made.get("id", "")) if isinstance(made, dict) else "", before=False)


class LinkedIn:
    """LinkedIn's Posts API. The link in a post ends in its key.

    Args:
        http: To reach it with.
        token: Bearer token.
    """

    def __init__(self, http: httpx.AsyncClient, token: str) -> None:
        self._http = http
        self._token = token

    async def publish(self, config: Mapping[str, Any], post: Post, fence: Fence) -> Accepted:
        """See `Adapter`. Nobody needs to be asked: LinkedIn refuses a post it has."""
        fence()
        said = {
            "author": str(config.get("author", _NOBODY)),
            "commentary": post.summary,
            "visibility": "PUBLIC",
            "distribution": {"feedDistribution": "MAIN_FEED"},
            "lifecycleState": "PUBLISHED",
            "content": {
                "article": {"source": f"https://{post.site}/{post.key}", "title": post.title}
            },
        }
        headers = {
            "Authorization": f"Bearer {self._token}",
            "LinkedIn-Version": LINKEDIN_VERSION,
            "X-Restli-Protocol-Version": "2.0.0",
        }
        url = _address(config) + "/rest/posts"
        try:
            answer = await _send(self._http, "POST", url, json=said, headers=headers, to="linkedin")
        except TargetError as error:
            if error.status == 422 and "DUPLICATE_POST" in str(error):
                return Accepted("", before=True)
            raise
        return Accepted(answer.headers.get("x-restli-id", ""), before=False)


def _address(config: Mapping[str, Any]) -> str:
    url = str(config.get("url", "")).rstrip("/")
    if not _ADDRESS.fullmatch(url):
        raise TargetError("target has no address with https", status=400, category="validation")
    return url


async def _send(
    http: httpx.AsyncClient, method: str, url: str, *, to: str, **more: Any
) -> httpx.Response:
    try:
        answer = await http.request(method, url, extensions={"peer.service": to}, **more)
    except httpx.TimeoutException as error:
        words = f"{type(error).__name__}: no answer from {_host(url)}"
        raise TargetError(words, category="timeout") from error
    except httpx.HTTPError as error:
        words = f"{_host(url)}: {str(error) or type(error).__name__}"
        raise TargetError(words, category="network") from error
    if not answer.is_success:
        raise TargetError(
            f"{_host(url)} answered {answer.status_code}{_reason(answer)}",
            status=answer.status_code,
            category=_category(answer.status_code),
        )
    return answer


def _host(url: str) -> str:
    return urlsplit(url).hostname or url


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise TargetError(f"{answer.url.host} did not answer with JSON") from None


def _reason(answer: httpx.Response) -> str:
    """What an answer says of its reason, in short."""
    try:
        said = answer.json()
    except ValueError:
        return ""
    code = said.get("code", "") if isinstance(said, dict) else ""
    for problem in _problems(said):
        code = problem.get("code", code)
    return f" ({code})" if isinstance(code, str) and code else ""


def _problems(said: Any) -> list[dict[str, Any]]:
    details = said.get("errorDetails") if isinstance(said, dict) else None
    found = details.get("inputErrors") if isinstance(details, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _category(status: int) -> Category:
    if status in (401, 403):
        return "auth"
    if status in (408, 504):
        return "timeout"
    return "validation" if status in (400, 422) else "unknown"
