"""Whether a target was read lately. Pure."""

import re
from datetime import datetime

from bdr_console.cluster.findings import Finding, Level
from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.poolers import PoolerFacts
from bdr_console.cluster.privileges import is_refused_login
from bdr_console.cluster.proxies import ProxyFacts
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import format_seconds

_LET_IN = "it runs and refuses the console's login: check user, password and pg_hba.conf for {at}"


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
        return Finding(Level.UNKNOWN, target.name, "not read yet", f"{what}.unreachable")
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


def read_lately(snapshot: Snapshot, now: datetime) -> tuple[tuple[Observed[NodeFacts], NodeFacts], ...]:
    """The nodes whose readings may be taken for the present, each with its facts."""
    return tuple(
        (node, node.facts)
        for node in snapshot.nodes
        if node.facts is not None and node.is_fresh(now, snapshot.refresh)
    )


def present(snapshot: Snapshot, now: datetime) -> dict[str, NodeFacts]:
    """The same by configured name."""
    return {node.name: facts for node, facts in read_lately(snapshot, now)}


def listed(names: list[str] | tuple[str, ...]) -> str:
    """`node1`, `node1 and node2`, `node1, node2 and node3`."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
