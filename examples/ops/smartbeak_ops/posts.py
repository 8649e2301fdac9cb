"""How many posts of a job its site shows."""

from __future__ import annotations

import json

from smartbeak_ops import web


def count(job: str, url: object) -> int | None:
    """How many posts of a job a WordPress site shows.

    A second post with the same slug has a number behind it.

    Args:
        job: Its id, which is the post's slug.
        url: The site; nothing for a target that cannot be asked, such as LinkedIn.

    Returns:
        None if it cannot be asked, or does not answer.
    """
    if not url:
        return None
    reply = web.get(f"{url}/wp-json/wp/v2/posts?slug={job},{job}-2", wait_s=5)
    if reply.status != 200:
        return None
    found = json.loads(reply.text)
    return len(found) if isinstance(found, list) else None
