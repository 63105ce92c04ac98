"""What is wrong with HAProxies, PgBouncers and the way that clients take through them. Pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from bdr_console.cluster.history import History
from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.poolers import PoolDatabase, PoolerFacts
from bdr_console.cluster.proxies import ProxyFacts, ProxyServer, ServerState
from bdr_console.cluster.snapshot import Snapshot, present
from bdr_console.cluster.text import counted, format_seconds, listed
from bdr_console.cluster.traffic import (
    Taker,
    Traffic,
    chosen,
    haproxy_refusal,
    is_outside,
    member_refusal,
    node_refusal,
    refused_accounts,
    split_words,
    takers_of,
    traffic,
    uncarried,
)
from bdr_console.cluster.verdict.findings import Finding, Level, Thresholds
from bdr_console.cluster.verdict.history_keys import SPLIT, UNCARRIED
from bdr_console.cluster.verdict.unreachable import unreached


def proxy_findings(proxy: Observed[ProxyFacts], snapshot: Snapshot, now: datetime) -> list[Finding]:
    """One HAProxy: its reading, its backends and their servers."""
    facts = proxy.facts
    if (stale := unreached("proxy", proxy, snapshot, now)) or facts is None:
        return [stale] if stale else []
    nodes = present(snapshot, now)
    found = []
    for backend in facts.backends():
        takers = takers_of(facts, backend, nodes)
        found += _backend_findings(f"{proxy.name}/{backend}", takers)
        found += _misplaced(proxy.name, facts, backend, nodes)
        for one in takers:
            found += _server_findings(f"{proxy.name}/{backend}/{one.server.name}", one.server)
    return found


def _backend_findings(subject: str, takers: tuple[Taker, ...]) -> list[Finding]:
    """Whether a server takes the traffic, and whether there is another. One that has weight 0 by its
    configuration is not meant to."""
    taking = [one for one in takers if one.takes]
    unknown = [one for one in takers if one.takes is None]
    meant = [one for one in takers if one.takes or not _is_weightless(one.server)]
    reasons = "; ".join(f"{one.server.name}: {one.why}" for one in takers if not one.takes)
    if not taking and not unknown:
        text = "no server takes traffic" + (f" ({reasons})" if reasons else "")
        return [Finding(Level.CRIT, subject, text, "backend.none")]
    if not taking:
        text = f"no server is known to take traffic ({reasons})"
        return [Finding(Level.UNKNOWN, subject, text, "backend.none")]
    if len(taking) == 1 and len(meant) > 1:
        text = f"{taking[0].server.name} is the last server that takes traffic"
        return [Finding(Level.WARN, subject, text, "backend.last")]
    return []


def refused(snapshot: Snapshot, now: datetime) -> list[Finding]:
    """Nodes that cannot take over, because they refuse users that another node lets in."""
    nodes = present(snapshot, now)
    found = []
    for name in nodes:
        if snapshot.servers_of(name) and (accesses := refused_accounts(name, nodes)):
            more = f" (and {counted(len(accesses) - 1, 'account')} more)" if len(accesses) > 1 else ""
            text = f"cannot take the traffic: {accesses[0].refusal}{more}, which is let in elsewhere"
            found.append(Finding(Level.WARN, name, text, "node.logins"))
    return found


def _paused(pooler: str, database: str, facts: PoolerFacts, limits: Thresholds) -> Finding:
    waiting = [pool for pool in facts.pools if pool.database == database and pool.clients_waiting]
    longest = max((pool.max_wait for pool in waiting), default=0.0)
    clients = sum(pool.clients_waiting for pool in waiting)
    text = "paused: its clients wait"
    if clients:
        wait = "waits" if clients == 1 else "wait"
        text = f"paused: {counted(clients, 'client')} {wait}, the longest for {format_seconds(longest)}"
    level = Level.CRIT if longest >= limits.client_wait_crit else Level.WARN
    return Finding(level, f"{pooler}/{database}", text, "pooler.paused")


def _is_weightless(server: ProxyServer) -> bool:
    return server.figures is not None and server.figures.configured_weight == 0


def _misplaced(
    proxy: str, facts: ProxyFacts, backend: str, nodes: Mapping[str, NodeFacts]
) -> Iterator[Finding]:
    """Clients on a node that must not have them, new ones that would be sent there, and a server that would
    take over from the others."""
    servers = [server for server in facts.servers if server.backend == backend]
    stick = [entry for entry in facts.stick or () if entry.table == backend]
    coming = {server.name for server in chosen(servers, stick)}
    for server in servers:
        if server.node is None or server.node not in nodes:
            continue
        if not (why := node_refusal(server.node, nodes)):
            continue
        code = f"traffic.misplaced:{proxy}/{backend}"
        if server.name in coming or server.sessions:
            here = counted(server.sessions, "session")
            new = ", and new connections go there" if server.name in coming else ""
            text = f"{why}, but has {here} of {proxy}/{backend}{new}{_lost_writes(server.node, nodes)}"
            # A client that was let in before goes on; one that writes where no write counts does not.
            level = Level.CRIT if new or member_refusal(server.node, nodes) else Level.WARN
            yield Finding(level, server.node, text, code)
        elif not haproxy_refusal(server):
            text = f"{why}, but {server.name} stands UP in {proxy}/{backend}: clients would be sent there"
            text += " when the others fail"
            yield Finding(Level.WARN, server.node, text, code)


def _lost_writes(node: str, nodes: Mapping[str, NodeFacts]) -> str:
    """What becomes of what clients write there."""
    return ": what they write reaches no other node" if is_outside(node, nodes) else ""


def _led_past(pooler: str, database: PoolDatabase, nodes: Mapping[str, NodeFacts]) -> Iterator[Finding]:
    """A PgBouncer that leads its clients straight to a node that must not have them."""
    if database.paused or database.disabled:
        return
    for node in database.nodes:
        if node in nodes and (why := member_refusal(node, nodes)):
            here = counted(database.connections, "server connection")
            text = f"{why}, but {pooler}/{database.name} leads there ({here}){_lost_writes(node, nodes)}"
            yield Finding(
                Level.CRIT,
                node,
                text,
                f"traffic.misplaced:{pooler}/{database.name}",
                f"lead {database.name} to another node in the configuration of {pooler}, then RELOAD",
            )


def _server_findings(name: str, server: ProxyServer) -> list[Finding]:
    code = f"server.{server.state.name.lower()}"
    if server.state in (ServerState.DOWN, ServerState.FAILING, ServerState.RISING):
        text = f"{server.state.value} ({server.check_text or server.check or 'no check result'})"
    elif server.state in (ServerState.MAINT, ServerState.DRAIN, ServerState.STOPPING):
        text = f"in {server.state.value}" if server.in_maintenance else server.state.value
        if server.is_unresolved and not server.in_maintenance:
            text = "its name cannot be resolved"
    elif server.state is ServerState.UNKNOWN:
        return [Finding(Level.UNKNOWN, name, f"unknown status '{server.status}'", code)]
    elif server.weight == 0 and not _is_weightless(server):
        text, code = "has weight 0: it gets no new connection", "server.weight"
    else:
        return []
    return [Finding(Level.WARN, name, text, code)]


def unserved(snapshot: Snapshot) -> list[Finding]:
    """Nodes without a HAProxy server: a mistyped `server:`, or an address that does not match."""
    asked = [proxy for proxy in snapshot.proxies if proxy.facts]
    if not asked or len(asked) < len(snapshot.proxies):
        return []
    shown = ", ".join(
        f"{server.backend}/{server.name}" for proxy in asked if proxy.facts for server in proxy.facts.servers
    )
    text = f"no HAProxy server stands for it (HAProxy has: {shown or 'none in the watched backends'})"
    return [
        Finding(Level.WARN, node.name, text, "node.unserved")
        for node in snapshot.nodes
        if node.facts and not node.facts.is_control and not snapshot.servers_of(node.name)
    ]


def pooler_findings(
    pooler: Observed[PoolerFacts], snapshot: Snapshot, limits: Thresholds, now: datetime
) -> list[Finding]:
    """One PgBouncer: its reading, paused databases, waiting clients."""
    facts = pooler.facts
    if (stale := unreached("pooler", pooler, snapshot, now)) or facts is None:
        return [stale] if stale else []
    found = []
    nodes = present(snapshot, now)
    for database in facts.databases:
        if database.paused:
            found.append(_paused(pooler.name, database.name, facts, limits))
        elif database.disabled:
            text = "disabled: its clients are refused"
            found.append(Finding(Level.WARN, f"{pooler.name}/{database.name}", text, "pooler.disabled"))
        found += _led_past(pooler.name, database, nodes)
    if facts.throttled:
        text = (
            "one server connection for each pool (default_pool_size 1, server_login_retry 0), as a run that "
            "died leaves it: clients queue"
        )
        found.append(Finding(Level.WARN, pooler.name, text, "pooler.throttled"))
    for pool in facts.pools:
        if pool.clients_waiting and pool.max_wait >= limits.client_wait_warn:
            level = Level.CRIT if pool.max_wait >= limits.client_wait_crit else Level.WARN
            waited = format_seconds(pool.max_wait)
            text = f"{pool.clients_waiting} clients wait for a server connection, the longest {waited}"
            found.append(Finding(level, f"{pooler.name}/{pool.database}", text, f"pool.waiting:{pool.user}"))
    return found


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
