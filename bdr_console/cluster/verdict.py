"""Judgement: what the figures of a snapshot mean, each finding with its reason. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from bdr_console.cluster.nodes import Membership, NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.poolers import PoolerFacts
from bdr_console.cluster.proxies import ProxyFacts, ServerState
from bdr_console.cluster.replication import Link, LinkState, links
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import format_bytes, format_seconds


class Level(IntEnum):
    """How bad a finding is; the worst one names the cluster."""

    OK = 0
    UNKNOWN = 1
    WARN = 2
    CRIT = 3

    @property
    def word(self) -> str:
        """The word that the header shows."""
        return {0: "HEALTHY", 1: "UNKNOWN", 2: "DEGRADED", 3: "CRITICAL"}[self.value]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Limits from the configuration: bytes, seconds, and one share (connections_warn, 0-1)."""

    lag_bytes_warn: int = 10 * 1024**2
    lag_bytes_crit: int = 100 * 1024**2
    lag_seconds_warn: float = 30.0
    lag_seconds_crit: float = 300.0
    client_wait_warn: float = 1.0
    client_wait_crit: float = 10.0
    transaction_age_warn: float = 60.0
    connections_warn: float = 0.85


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be."""

    level: Level
    subject: str
    """What it is about: a node, `a -> b`, `proxy/backend/server`, a pooler."""
    text: str
    """The reason, in words a DBA would use."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The overall judgement; findings are sorted, the worst first."""

    level: Level
    findings: tuple[Finding, ...]

    @property
    def headline(self) -> str:
        """One line: the word, the worst finding, and how many more there are."""
        if not self.findings:
            return self.level.word
        first = self.findings[0]
        more = f" (+{len(self.findings) - 1} more)" if len(self.findings) > 1 else ""
        return f"{self.level.word}: {first.subject}: {first.text}{more}"


def judge(snapshot: Snapshot, thresholds: Thresholds, now: datetime) -> Verdict:
    """Every finding of this moment. `now` dates the readings: an old one is a finding of its own."""
    found = [f for node in snapshot.nodes for f in _node(node, snapshot, thresholds, now)]
    found += [f for link in links(snapshot, now) for f in _link(link, thresholds)]
    found += [f for proxy in snapshot.proxies for f in _proxy(proxy, snapshot, now)]
    found += _unserved(snapshot)
    found += [f for pooler in snapshot.poolers for f in _pooler(pooler, snapshot, thresholds, now)]
    found.sort(key=lambda finding: -finding.level)
    return Verdict(max((f.level for f in found), default=Level.OK), tuple(found))


def _unreached(
    target: Observed[NodeFacts] | Observed[ProxyFacts] | Observed[PoolerFacts],
    snapshot: Snapshot,
    now: datetime,
) -> Finding | None:
    """The finding for a target whose reading is missing or old, if it is."""
    age = target.age(now)
    if target.is_fresh(now, snapshot.refresh):
        return None
    if target.error is None and age is None:
        return Finding(Level.UNKNOWN, target.name, "not read yet")
    since = f"; last seen {format_seconds(age)} ago" if age is not None else "; never seen"
    return Finding(Level.CRIT, target.name, (target.error or "no answer") + since)


def _node(node: Observed[NodeFacts], snapshot: Snapshot, limits: Thresholds, now: datetime) -> list[Finding]:
    facts = node.facts
    if (stale := _unreached(node, snapshot, now)) or facts is None:
        return [stale] if stale else []
    found = []
    if facts.is_control:
        pass  # it is meant to be no member
    elif facts.membership is Membership.UNKNOWN:
        found.append(Finding(Level.UNKNOWN, node.name, "says nothing of its membership in a group"))
    elif facts.membership is not Membership.READY:
        found.append(Finding(Level.WARN, node.name, f"is {facts.membership.value}, not ready"))
    sessions = facts.sessions
    if (
        sessions
        and sessions.oldest_transaction is not None
        and sessions.oldest_transaction >= limits.transaction_age_warn
    ):
        text = f"oldest transaction open for {format_seconds(sessions.oldest_transaction)}"
        if sessions.oldest_transaction_pid is not None:
            text += f" (pid {sessions.oldest_transaction_pid})"
        found.append(Finding(Level.WARN, node.name, text))
    if sessions and sessions.total >= limits.connections_warn * sessions.max_connections:
        text = f"{sessions.total} of {sessions.max_connections} connections in use"
        found.append(Finding(Level.WARN, node.name, text))
    found += [Finding(Level.UNKNOWN, node.name, f"{u.what} could not be read: {u.why}") for u in facts.unread]
    return found


def _link(link: Link, limits: Thresholds) -> list[Finding]:
    subject = f"{link.origin} -> {link.target}"
    if link.state is LinkState.DOWN:
        return [Finding(Level.CRIT, subject, link.reason)]
    if link.state is LinkState.UNKNOWN:
        return [Finding(Level.UNKNOWN, subject, link.reason)]
    if link.state is LinkState.PAUSED:
        return [Finding(Level.WARN, subject, link.reason)]
    lag, seconds = link.lag_bytes or 0, link.lag_seconds or 0.0
    text = f"lags {format_bytes(lag)}" + (f", {format_seconds(seconds)}" if seconds >= 1 else "")
    if lag >= limits.lag_bytes_crit or seconds >= limits.lag_seconds_crit:
        return [Finding(Level.CRIT, subject, text)]
    if lag >= limits.lag_bytes_warn or seconds >= limits.lag_seconds_warn:
        return [Finding(Level.WARN, subject, text)]
    return []


def _proxy(proxy: Observed[ProxyFacts], snapshot: Snapshot, now: datetime) -> list[Finding]:
    facts = proxy.facts
    if (stale := _unreached(proxy, snapshot, now)) or facts is None:
        return [stale] if stale else []
    found = []
    for backend in facts.backends():
        servers = [server for server in facts.servers if server.backend == backend]
        usable = [server for server in servers if server.state.accepts]
        subject = f"{proxy.name}/{backend}"
        if not usable:
            found.append(Finding(Level.CRIT, subject, "no server takes traffic"))
        elif len(usable) == 1 and len(servers) > 1:
            found.append(
                Finding(Level.WARN, subject, f"{usable[0].name} is the last server that takes traffic")
            )
        for server in servers:
            name = f"{subject}/{server.name}"
            if server.state in (ServerState.DOWN, ServerState.FAILING, ServerState.RISING):
                text = f"{server.state.value} ({server.check_text or server.check or 'no check result'})"
                found.append(Finding(Level.WARN, name, text))
            elif server.state in (ServerState.MAINT, ServerState.DRAIN, ServerState.STOPPING):
                found.append(
                    Finding(
                        Level.WARN,
                        name,
                        f"in {server.state.value}" if server.in_maintenance else server.state.value,
                    )
                )
            elif server.state is ServerState.UNKNOWN:
                found.append(Finding(Level.UNKNOWN, name, f"unknown status '{server.status}'"))
    return found


def _unserved(snapshot: Snapshot) -> list[Finding]:
    """Nodes without a HAProxy server: a mistyped `server:`, or an address that does not match."""
    asked = [proxy for proxy in snapshot.proxies if proxy.facts]
    if not asked or len(asked) < len(snapshot.proxies):
        return []
    shown = ", ".join(
        f"{server.backend}/{server.name}" for proxy in asked if proxy.facts for server in proxy.facts.servers
    )
    text = f"no HAProxy server stands for it (HAProxy has: {shown or 'none in the watched backends'})"
    return [
        Finding(Level.WARN, node.name, text)
        for node in snapshot.nodes
        if node.facts and not node.facts.is_control and not snapshot.servers_of(node.name)
    ]


def _pooler(
    pooler: Observed[PoolerFacts], snapshot: Snapshot, limits: Thresholds, now: datetime
) -> list[Finding]:
    facts = pooler.facts
    if (stale := _unreached(pooler, snapshot, now)) or facts is None:
        return [stale] if stale else []
    found = []
    for database in facts.databases:
        if database.paused or database.disabled:
            word = "paused" if database.paused else "disabled"
            found.append(
                Finding(
                    Level.WARN, f"{pooler.name}/{database.name}", f"{word}: its clients wait or are refused"
                )
            )
    for pool in facts.pools:
        if pool.clients_waiting and pool.max_wait >= limits.client_wait_warn:
            level = Level.CRIT if pool.max_wait >= limits.client_wait_crit else Level.WARN
            waited = format_seconds(pool.max_wait)
            text = f"{pool.clients_waiting} clients wait for a server connection, the longest {waited}"
            found.append(Finding(level, f"{pooler.name}/{pool.database}", text))
    return found
