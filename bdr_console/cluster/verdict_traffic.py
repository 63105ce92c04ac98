"""Writes on two nodes at once: two HAProxies disagree, or one's old process goes on after a reload. Pure.

A reload of HAProxy leaves the old process with its sessions, on the node where they are, and the new one
begins with an empty stick table. Neither shows the other; PgBouncer's server connections and the nodes' own
sessions do.
"""

from datetime import datetime

from bdr_console.cluster.findings import Finding, Level, Thresholds
from bdr_console.cluster.history import History
from bdr_console.cluster.memory import SPLIT, UNCARRIED
from bdr_console.cluster.reach import listed
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import counted, format_seconds
from bdr_console.cluster.traffic import Traffic, split_words, traffic, uncarried

_CONSOLE = "bdr-console"
_YOUNG = 3600
"""Seconds of uptime up to which a reload is told as what may be behind it."""


def traffic_findings(
    snapshot: Snapshot, limits: Thresholds, now: datetime, past: History | None
) -> list[Finding]:
    """Clients that write on two nodes. Without `past` one moment has to do for HAProxies that disagree;
    sessions that none carries are never told by one, for they are counted at different instants."""
    if not limits.single_writer:
        return []
    seen = traffic(snapshot, now)
    if seen.split and (past is None or _lasts(past, SPLIT, snapshot)):
        text = f"clients write on two nodes: {split_words(seen)}"
        return [Finding(Level.CRIT, "traffic", text, "traffic.split")]
    lost = uncarried(snapshot, now)
    if lost is None or lost <= 0 or past is None or not _lasts(past, UNCARRIED, snapshot):
        return []
    return [_uncarried(snapshot, seen, lost)]


def _uncarried(snapshot: Snapshot, seen: Traffic, lost: int) -> Finding:
    text = f"{counted(lost, 'server connection')} of the PgBouncers, carried by no HAProxy that answers"
    poolers = [pooler.name for pooler in snapshot.poolers if pooler.facts]
    young = [
        f"{proxy.name} is up {format_seconds(proxy.facts.uptime)}"
        for proxy in snapshot.proxies
        if proxy.facts and proxy.facts.uptime < _YOUNG
    ]
    reloaded = f" (reloaded? {', '.join(young)})" if young else ""
    do = f"RECONNECT on {listed(poolers)} moves them"
    other = _written_besides(snapshot, seen)
    if not other:
        return Finding(Level.WARN, "traffic", f"{text}{reloaded}", "traffic.uncarried", do)
    nodes = listed(list(dict.fromkeys((*seen.takers, *other))))
    return Finding(Level.CRIT, "traffic", f"clients write on {nodes}: {text}{reloaded}", "traffic.split", do)


def _written_besides(snapshot: Snapshot, seen: Traffic) -> tuple[str, ...]:
    """The nodes that get no new connection and have more client sessions than HAProxy gives them."""
    found = []
    for node in snapshot.nodes:
        if node.facts is None or node.facts.activity is None or node.name in seen.takers:
            continue
        clients = sum(
            group.count
            for group in node.facts.activity.applications
            if not group.application.startswith(_CONSOLE)
        )
        if clients > sum(server.sessions for _, server in snapshot.servers_of(node.name)):
            found.append(node.name)
    return tuple(found)


def _lasts(past: History, key: tuple[str], snapshot: Snapshot) -> bool:
    """Whether it was so before and is so still after every HAProxy and PgBouncer was read anew: targets are
    read one after the other, and a switchover moves them so too."""
    began = past.since(key)
    seen = [proxy.seen_at for proxy in snapshot.proxies] + [pooler.seen_at for pooler in snapshot.poolers]
    return began is not None and all(at is None or at > began for at in seen)
