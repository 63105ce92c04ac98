"""Targets that were not read lately, and nodes among them that HAProxy still sends clients to. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from bdr_console.cluster.access import is_refused_login
from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.poolers import PoolerFacts
from bdr_console.cluster.proxies import ProxyFacts
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import counted, format_seconds
from bdr_console.cluster.verdict.findings import Finding, Level

_LET_IN = "it runs and refuses the console's login: check user, password and pg_hba.conf for {at}"

_FIRST_LOOK = "the first reading is under way"


def unreached(
    what: str,
    target: Observed[NodeFacts] | Observed[ProxyFacts] | Observed[PoolerFacts],
    snapshot: Snapshot,
    now: datetime,
) -> Finding | None:
    """The finding for a target (`what`: node, proxy, pooler) whose reading is missing or old, if it is."""
    age = target.age(now)
    if target.is_fresh(now, snapshot.refresh):
        return None
    if target.error is None and age is None:
        return Finding(Level.UNKNOWN, target.name, "not read yet", f"{what}.unreachable", _FIRST_LOOK)
    since = f"; last seen {format_seconds(age)} ago" if age is not None else "; never seen"
    fact, remedy = _contact(what, target.error or "")
    text = ": ".join(part for part in (fact, target.error) if part) + since
    return Finding(Level.CRIT, target.name, text, f"{what}.unreachable", remedy)


_PROGRAMS = {"node": "PostgreSQL", "proxy": "HAProxy", "pooler": "PgBouncer"}
_REFUSED = re.compile(r"(Connection|connection) refused")


def _contact(what: str, error: str) -> tuple[str, str]:
    """What an error says of the server, and what to do where its kind of target does not matter: a refused
    login is the console's trouble, not the node's."""
    if is_refused_login(error):
        return "", _LET_IN
    if _REFUSED.match(error):
        return "is down", f"start {_PROGRAMS[what]} on {{at}}; its log says why it stopped"
    return "does not answer", ""


_SETTLED = 4.0
"""Seconds without a word after which a node counts as dead: one lost reading is none."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A node that does not answer while HAProxy has it in service."""

    node: str
    since: float | None
    """Seconds since it was read last; None when it never was."""
    sessions: int
    """Of HAProxy, to its servers."""

    @property
    def text(self) -> str:
        """`node1 does not answer for 12 s: 16 sessions stuck`."""
        since = f" for {format_seconds(round(self.since))}" if self.since is not None else ""
        return f"{self.node} does not answer{since}: {counted(self.sessions, 'session')} stuck"


def unreachable(snapshot: Snapshot, now: datetime) -> tuple[Unreachable, ...]:
    """Nodes that do not answer and have sessions through a HAProxy that answers; the busiest first."""
    return tuple(sorted(_unreachable(snapshot, now), key=lambda found: -found.sessions))


def _unreachable(snapshot: Snapshot, now: datetime) -> Iterator[Unreachable]:
    fresh = {proxy.name for proxy in snapshot.proxies if proxy.error is None}
    for node in snapshot.nodes:
        age = node.age(now)
        if node.error is None or is_refused_login(node.error) or (age is not None and age < _SETTLED):
            continue
        servers = [
            server
            for proxy, server in snapshot.servers_of(node.name)
            if proxy in fresh and not server.in_maintenance
        ]
        if sessions := sum(server.sessions for server in servers):
            yield Unreachable(node.name, age, sessions)
