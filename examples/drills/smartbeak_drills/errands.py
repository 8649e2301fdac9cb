"""What faults have done through the platform, as one of its users does it.

    python3 -m smartbeak_drills.errands --config FILE read ID...
    python3 -m smartbeak_drills.errands --config FILE publish

Prints `done` when it is.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from drillbook.inside.trouble import Trouble
from smartbeak_drills.places import API_URL, KEY
from smartbeak_drills.session import Session
from smartbeak_drills.settings import read_address
from smartbeak_drills.users import publishing, readers
from smartbeak_drills.users.platform import Platform
from smartbeak_drills.users.roster import PUBLISHERS, WRITERS, Roster, members

POISON = f"Summer sale {'-' * 40} from today"
"""A title that the worker never gets done with: see smartbeak.summary of the platform."""


def read(platform: Platform, session: Session, pieces: Sequence[str]) -> None:
    """Reads pieces, so that they are in the cache.

    Raises:
        Trouble: Not all of them could be read.
    """
    line, orgs = platform.line(), readers.orgs(session)
    by_org = readers.Readers(platform, orgs)
    for piece in pieces:
        by_org.read(line, piece)
    line.close()


def publish(platform: Platform, session: Session) -> None:
    """Writes a piece with a poisonous title and orders it to be published.

    Raises:
        Trouble: It was not taken.
    """
    route = publishing.routes(session, ("worker", "wordpress"))[0]
    line = platform.line()
    writer = platform.take("write", WRITERS, route.org)
    body = {"domainId": route.domain, "title": POISON, "body": "An ordinary text."}
    item = platform.call(line, writer, "POST", "/v1/content", body).body["item"]
    platform.call(line, writer, "POST", f"/v1/content/{item['id']}/publish")
    publisher = platform.take("publish", PUBLISHERS, route.org)
    order = {"domainId": route.domain, "contentId": item["id"], "targetId": route.target}
    platform.call(line, publisher, "POST", "/v1/publishing/jobs", order)
    line.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Does one errand; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="smartbeak_drills.errands", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--config", required=True, type=Path, help="the platform's configuration")
    parser.add_argument("errand", choices=["read", "publish"])
    parser.add_argument("pieces", nargs="*", help="ids of what is read")
    options = parser.parse_args(argv)

    def database() -> Session:
        return Session(read_address(options.config), timeout_s=30.0)

    try:
        with database() as session:
            roster = Roster(members(session), options.config, KEY)
            platform = Platform(API_URL, roster, database)
            if options.errand == "read":
                read(platform, session, options.pieces)
            else:
                publish(platform, session)
    except Trouble as error:
        print(f"errands: {error.text}", file=sys.stderr)
        return 1
    print("done", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
