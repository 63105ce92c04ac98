"""What is wrong in front of the nodes: HAProxy and PgBouncer. Pure."""

from datetime import datetime

from bdr_console.cluster.findings import Finding, Level, Thresholds
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.poolers import PoolerFacts
from bdr_console.cluster.proxies import ProxyFacts, ServerState
from bdr_console.cluster.reach import unreached
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import format_seconds


def proxy_findings(proxy: Observed[ProxyFacts], snapshot: Snapshot, now: datetime) -> list[Finding]:
    """One HAProxy: its reading, its backends and their servers."""
    facts = proxy.facts
    if (stale := unreached("proxy", proxy, snapshot, now)) or facts is None:
        return [stale] if stale else []
    found = []
    for backend in facts.backends():
        servers = [server for server in facts.servers if server.backend == backend]
        usable = [server for server in servers if server.state.accepts]
        subject = f"{proxy.name}/{backend}"
        if not usable:
            found.append(Finding(Level.CRIT, subject, "no server takes traffic", "backend.none"))
        elif len(usable) == 1 and len(servers) > 1:
            text = f"{usable[0].name} is the last server that takes traffic"
            found.append(Finding(Level.WARN, subject, text, "backend.last"))
        for server in servers:
            name, code = f"{subject}/{server.name}", f"server.{server.state.name.lower()}"
            if server.state in (ServerState.DOWN, ServerState.FAILING, ServerState.RISING):
                text = f"{server.state.value} ({server.check_text or server.check or 'no check result'})"
                found.append(Finding(Level.WARN, name, text, code))
            elif server.state in (ServerState.MAINT, ServerState.DRAIN, ServerState.STOPPING):
                text = f"in {server.state.value}" if server.in_maintenance else server.state.value
                found.append(Finding(Level.WARN, name, text, code))
            elif server.state is ServerState.UNKNOWN:
                found.append(Finding(Level.UNKNOWN, name, f"unknown status '{server.status}'", code))
    return found


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
    for database in facts.databases:
        if database.paused or database.disabled:
            word = "paused" if database.paused else "disabled"
            found.append(
                Finding(
                    Level.WARN,
                    f"{pooler.name}/{database.name}",
                    f"{word}: its clients wait or are refused",
                    f"pooler.{word}",
                )
            )
    for pool in facts.pools:
        if pool.clients_waiting and pool.max_wait >= limits.client_wait_warn:
            level = Level.CRIT if pool.max_wait >= limits.client_wait_crit else Level.WARN
            waited = format_seconds(pool.max_wait)
            text = f"{pool.clients_waiting} clients wait for a server connection, the longest {waited}"
            found.append(Finding(level, f"{pooler.name}/{pool.database}", text, f"pool.waiting:{pool.user}"))
    return found
