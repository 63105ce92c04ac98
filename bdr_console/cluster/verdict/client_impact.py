"""How many clients each finding cuts off or lets wait, and for how long. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bdr_console.cluster.access import is_refused_login
from bdr_console.cluster.poolers import Pool, PoolerFacts
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import counted, format_seconds
from bdr_console.cluster.traffic import Traffic, traffic
from bdr_console.cluster.verdict.findings import Finding, Impact, Level
from bdr_console.cluster.verdict.unreachable import unreachable

_OWN = "pgbouncer"
"""PgBouncer's own database."""


@dataclass(frozen=True, slots=True)
class _Clients:
    """Those of some pools."""

    busy: int
    """With a server connection at work."""
    waiting: int
    longest_wait: float
    connections: int
    """Server connections of the pools, at work or not."""
    known: bool
    """Whether any pool was read at all."""


def with_clients(found: Sequence[Finding], snapshot: Snapshot, now: datetime) -> list[Finding]:
    """The same, each that hurts clients with how many, as far as HAProxy and PgBouncer tell."""
    if not any(
        finding.kind.impact is Impact.CLIENTS or finding.code == "node.unreachable" for finding in found
    ):
        return list(found)
    seen = traffic(snapshot, now)
    stuck = {one.node: one.sessions for one in unreachable(snapshot, now)}
    return [_with(finding, snapshot, seen, stuck) for finding in found]


def _with(finding: Finding, snapshot: Snapshot, seen: Traffic, stuck: dict[str, int]) -> Finding:
    code = finding.code.partition(":")[0]
    if finding.level is Level.UNKNOWN and code != "backend.none":
        return finding
    if code == "node.unreachable":
        return _dead_node(finding, snapshot, seen, stuck.get(finding.subject, 0))
    if code == "proxy.unreachable":
        return _gone_proxy(finding, snapshot)
    if code == "pooler.unreachable":
        facts = next((p.facts for p in snapshot.poolers if p.name == finding.subject), None)
        clients = _count(_served(facts)) if facts else None
        return replace(finding, clients=clients.busy + clients.waiting if clients else None)
    if code in ("pooler.paused", "pool.waiting"):
        pooler, _, database = finding.subject.partition("/")
        clients = _count(_pools(snapshot, {(pooler, database)}))
        return _waiting(finding, clients, Impact.REDUNDANCY if code == "pooler.paused" else None)
    if code == "backend.none":
        return _waiting(finding, _behind(snapshot, finding.subject.partition("/")[0]), None)
    return finding


def _waiting(finding: Finding, clients: _Clients, otherwise: Impact | None) -> Finding:
    if clients.waiting:
        return replace(finding, clients=clients.waiting, longest_wait=clients.longest_wait)
    return replace(finding, impact=otherwise)


def _dead_node(finding: Finding, snapshot: Snapshot, seen: Traffic, sessions: int) -> Finding:
    """Sessions of a HAProxy hang at a node that does not answer; where PgBouncers are in front of it, so do
    the clients that have one of these sessions, and those that wait for one."""
    ways = {r.via for r in seen.of(finding.subject)}
    direct = {
        (pooler.name, database.name)
        for pooler in snapshot.poolers
        if pooler.facts
        for database in pooler.facts.databases
        if finding.subject in database.nodes
    }
    if is_refused_login(finding.text):
        return replace(finding, impact=Impact.OTHER)
    if not sessions and not direct & {tuple(way.split("/", 1)) for way in ways}:
        return finding
    proxies = {way.partition("/")[0] for way in ways}
    clients = _count(_pools(snapshot, _leading(snapshot, proxies) | direct))
    held = clients.busy + clients.waiting
    if not held and not sessions:
        return finding
    return replace(
        finding,
        impact=Impact.CLIENTS,
        clients=held or sessions,
        longest_wait=clients.longest_wait if clients.waiting else None,
        remedy="i: isolate {subject}, its clients go to another node" if sessions else finding.remedy,
        command="`bdr-console switchover {subject} --isolate --plan` has its clients go to another node"
        if sessions
        else "",
    )


def _gone_proxy(finding: Finding, snapshot: Snapshot) -> Finding:
    """A HAProxy whose socket does not answer may still carry clients: those that wait behind it tell."""
    clients = _behind(snapshot, finding.subject)
    if clients.waiting or (clients.known and not clients.connections and clients.busy):
        return replace(
            finding, clients=clients.waiting + clients.busy, longest_wait=clients.longest_wait or None
        )
    alone = len(snapshot.proxies) == 1
    return replace(finding, impact=None if alone and not clients.known else Impact.REDUNDANCY)


def _behind(snapshot: Snapshot, proxy: str) -> _Clients:
    return _count(_pools(snapshot, _leading(snapshot, {proxy})))


def _leading(snapshot: Snapshot, proxies: set[str]) -> set[tuple[str, str]]:
    """The (pooler, database)s that lead to any of these HAProxies."""
    return {
        (pooler.name, database.name)
        for pooler in snapshot.poolers
        if pooler.facts
        for database in pooler.facts.databases
        if proxies & set(database.proxies)
    }


def _pools(snapshot: Snapshot, leading: set[tuple[str, str]]) -> list[Pool]:
    return [
        pool
        for pooler in snapshot.poolers
        if pooler.facts
        for pool in pooler.facts.pools
        if (pooler.name, pool.database) in leading
    ]


def _served(facts: PoolerFacts) -> list[Pool]:
    return [
        replace(pool, servers_active=pool.clients_active) for pool in facts.pools if pool.database != _OWN
    ]


def _count(pools: Iterable[Pool]) -> _Clients:
    pools = list(pools)
    return _Clients(
        sum(pool.servers_active for pool in pools),
        sum(pool.clients_waiting for pool in pools),
        max((pool.max_wait for pool in pools if pool.clients_waiting), default=0.0),
        sum(pool.servers for pool in pools),
        bool(pools),
    )


def with_client_words(finding: Finding) -> str:
    """The finding's text with the clients that it hurts, before the evidence where there is some: `does not
    answer: 18 clients hang, the longest for 9.8 s (timed out after 2.0 s; last seen 12.0 s ago)`."""
    words = client_words(finding)
    fact, colon, evidence = finding.text.partition(": ")
    if words and colon and finding.code.endswith(".unreachable"):
        return f"{fact}: {words} ({evidence})"
    return f"{finding.text}; {words}" if words else finding.text


def client_words(finding: Finding) -> str:
    """`16 clients hang, the longest for 9.8 s`, `8 clients are cut off`; empty where none is known to be."""
    if not finding.clients or finding.code in ("pool.waiting", "pooler.paused"):
        return ""
    cut = finding.code.endswith(".unreachable") and finding.text.startswith("is down")
    one = finding.clients == 1
    verb = ("is cut off" if one else "are cut off") if cut else ("hangs" if one else "hang")
    longest = f", the longest for {format_seconds(finding.longest_wait)}" if finding.longest_wait else ""
    return f"{counted(finding.clients, 'client')} {verb}{longest}"
