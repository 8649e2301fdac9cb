"""The background client of a drill: does what users do, and keeps account of it.

    python3 -m smartbeak_drills.prober --oracle NAME [--hosts HOST,HOST]
                                       [--config FILE] [--nodes HOST,HOST]

It stands for the platform's users, and where there is no platform for its processes,
and knows nothing of the page. With a host `api` it writes content and orders publishing
jobs there as users do, with a host `web` it sends events as providers of payments do (see
`smartbeak_drills.users`); for the faults of databases, or without these hosts, it writes
numbered rows (`smartbeak_drills.rows`).

For its own rows it takes the address from the platform's configuration, and reads
that file only when it connects: an address that a page changes counts from the next
connection on, as for a process that reconnects or is restarted. A write that fails
ends the connection, as it does in a pool that checks what it hands out.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from drillbook.inside import probing
from drillbook.inside.account import Client
from smartbeak_drills import settings
from smartbeak_drills.agreed import VICTIM
from smartbeak_drills.oracles import names, table
from smartbeak_drills.oracles.base import PATIENCE_S, Surroundings
from smartbeak_drills.places import (
    API,
    API_URL,
    CLUSTER_URL,
    CONFIG,
    DATABASES,
    IN_CLUSTER,
    KEY,
    KUBERNETES,
    PADDLE,
    PUBLIC_URL,
    STRIPE_WAN,
    TARGETS,
    WEB,
    WEB_URL,
)
from smartbeak_drills.resp import Redis
from smartbeak_drills.rows import Rows
from smartbeak_drills.session import Session, conninfo
from smartbeak_drills.settings import read_address
from smartbeak_drills.splitbrain import SplitBrain
from smartbeak_drills.users import content, publishing, readers
from smartbeak_drills.users.buyers import Buyers
from smartbeak_drills.users.leavers import Leaver
from smartbeak_drills.users.paddle_buyers import PaddleBuyers
from smartbeak_drills.users.platform import Platform
from smartbeak_drills.users.roster import Roster, members
from smartbeak_drills.users.visits import Visits
from smartbeak_drills.users.webhooks import Webhooks

APPLICATION = "drillbook-probe"
"""Name under which the prober's connections show in pg_stat_activity."""

_ROWS_S = 0.02

# A little longer than the server's own limit, whose error text is worth having.
_TIMEOUT_S = PATIENCE_S + 0.2
_OPTIONS = f"-c statement_timeout={PATIENCE_S * 1000:.0f}"


class Users:
    """What users do on this stack, and how they and the oracles reach it.

    Args:
        config: The platform's configuration file.
        oracle: Name of the oracle.
        nodes: Database hosts, the one meant to be primary first; `host` or `host:port`.
        hosts: All hosts that are there.
    """

    def __init__(
        self, config: Path, oracle: str, nodes: Sequence[str], hosts: Sequence[str] = ()
    ) -> None:
        self._config = config
        # The nodes stay known even if a page breaks the configuration.
        self._first_address = read_address(config)
        self._split_brain = SplitBrain(nodes, self._node)
        self._split_is_outage = oracle in names.OF_SPLIT
        rows = Rows(self._platform, _ROWS_S)
        around = Surroundings(
            rows.journal, nodes, self._platform, self._node, self._now, self._split_brain
        )
        means = self._means(around, oracle, hosts)
        self._oracle = table.make(oracle, means)
        wanted: list[Client | None] = [
            means.content, means.publishing, means.webhooks, means.visits,
            means.buyers,
        ]  # fmt: skip
        if oracle in names.OF_ROWS or not (means.content or means.webhooks):
            wanted.insert(0, rows)
        self._clients = [client for client in wanted if client is not None]

    def prober(self) -> probing.Prober:
        """The prober that does it."""
        return probing.Prober(
            self._oracle, self._clients, self._split_brain, outage=self._split_is_outage
        )

    def _means(self, around: Surroundings, oracle: str, hosts: Sequence[str]) -> table.Means:
        """What there is to use and to look at.

        Raises:
            Trouble: The database does not say who the users are, or takes no revocation.
        """
        named = hosts
        if KUBERNETES in hosts:
            hosts = [*hosts, *IN_CLUSTER]
        if oracle in names.OF_WEB and WEB in hosts:
            buyers = None
            roster = Roster((), self._config, KEY)
            if oracle in names.OF_BUYERS and STRIPE_WAN in hosts:
                buyers = Buyers(WEB_URL, roster, self._platform)
            elif oracle in names.OF_PADDLE_BUYERS and PADDLE in hosts:
                buyers = PaddleBuyers(WEB_URL, roster, self._platform)
            return table.Means(around, webhooks=Webhooks(WEB_URL, self._platform), buyers=buyers)
        if API not in hosts:
            return table.Means(around)
        with self._platform() as session:
            users = members(session)
            orgs = readers.orgs(session)
            domains = content.domains(session)
            routes = publishing.routes(session, hosts)
            viewers = [user for user in users if user.role == "viewer"]
            leaving = viewers[-1] if oracle in names.WITH_LEAVER else None
            victim = VICTIM if oracle in names.WITH_VICTIM else ""
            working = [user for user in users if user != leaving and user.id != victim]
            roster = Roster(working, self._config, KEY)
            platform = Platform(
                PUBLIC_URL if oracle in names.BEHIND_BALANCER else API_URL, roster, self._platform
            )
            leaver = None
            if leaving:
                piece = next(key for key, org in orgs.items() if org == leaving.org)
                leaver = Leaver(platform, leaving, piece)
                leaver.leave(self._redis, session)
        targets = [f"https://{host}" for host in TARGETS if host in hosts]
        reading = readers.Readers(platform, orgs)
        return table.Means(
            around,
            platform,
            content.Content(platform, domains),
            publishing.Publishing(platform, routes, targets) if routes else None,
            self._redis,
            reading,
            leaver,
            # Providers send whatever the fault is. In the cluster the pods of web take turns
            # with those of a release, of which the visits keep account.
            Webhooks(WEB_URL, self._platform) if WEB in named else None,
            visits=Visits(platform, reading) if oracle == "released" else None,
            cluster=CLUSTER_URL if KUBERNETES in hosts else "",
        )

    def _platform(self) -> Session:
        return _session(read_address(self._config))

    def _redis(self) -> Redis:
        return Redis(settings.read(self._config, settings.REDIS), timeout_s=PATIENCE_S)

    def _node(self, node: str) -> Session:
        return _session(_at(node, self._first_address))

    def _now(self, node: str) -> Session:
        return _session(_at(node, read_address(self._config)))


def _at(node: str, address: str) -> str:
    """The address with another database host, `host` or `host:port`."""
    host, _, port = node.partition(":")
    return conninfo(address, host=host, port=port or "5432", target_session_attrs="any")


def _session(address: str) -> Session:
    named = conninfo(address, application_name=APPLICATION, options=_OPTIONS)
    return Session(named, timeout_s=_TIMEOUT_S)


def main(argv: Sequence[str] | None = None) -> int:
    """Probes until SIGTERM; returns the exit status."""
    parser = probing.parser(__doc__, names.ALL)
    parser.add_argument("--config", default=CONFIG, type=Path, help="the platform's configuration")
    parser.add_argument("--nodes", default="", metavar="HOST,HOST", help="databases, primary first")
    options = parser.parse_args(argv)
    nodes = options.nodes.split(",") if options.nodes else []
    nodes = nodes or [host for host in DATABASES if host in options.hosts]
    return probing.main(
        lambda: Users(options.config, options.oracle, nodes, options.hosts).prober()
    )


if __name__ == "__main__":
    sys.exit(main())
