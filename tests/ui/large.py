"""Clusters larger than any lab: made-up moments to see what the screen makes of many nodes."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

from bdr_console.cluster.nodes import Member, Membership, NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.proxies import ProxyFacts, StickEntry
from bdr_console.cluster.snapshot import Snapshot
from tests.ui.scenes import NOW, node, pooler, server


def names(count: int) -> tuple[str, ...]:
    """`node1` and so on."""
    return tuple(f"node{i}" for i in range(1, count + 1))


def large(
    nodes: int = 50, servers: int = 200, poolers: int = 20, *, at: datetime = NOW, lag: int = 4096
) -> Snapshot:
    """A mesh of `nodes` behind as many HAProxy backends as make `servers`, and `poolers` PgBouncers.

    Every seventh link lags by 300 times `lag`, so that the tables have something to tell.
    """
    everybody = names(nodes)
    seen = tuple(
        Observed(name, f"10.0.0.{i}:5432", _member(name, everybody, lag, at), at, took_ms=3.0)
        for i, name in enumerate(everybody, start=1)
    )
    return Snapshot("shop", "lab", at, 1.0, seen, _proxies(everybody, servers, at), _poolers(poolers, at))


def _member(name: str, everybody: tuple[str, ...], lag: int, at: datetime) -> NodeFacts:
    facts = node(name, tuple(other for other in everybody if other != name), lag=lag)
    here = everybody.index(name)
    slots = tuple(
        replace(slot, lag_bytes=lag * (300 if (here + i) % 7 == 0 else 1))
        for i, slot in enumerate(facts.slots)
    )
    received = tuple(replace(one, last_commit_at=at - timedelta(seconds=5)) for one in facts.subscriptions)
    return replace(facts, slots=slots, subscriptions=received, wal_lsn=f"0/{16 * 1024**2 + lag:X}")


def native(count: int = 50, *, at: datetime = NOW) -> Snapshot:
    """A mesh of native replication as it is read: no slot names its reader, no subscription its origin. Every
    node calls its slots alike, so that only addresses tell them apart."""
    everybody = names(count)
    ports = {name: 5000 + i for i, name in enumerate(everybody)}

    def member(name: str) -> NodeFacts:
        peers = tuple(other for other in everybody if other != name)
        facts = node(name, peers, lag=4096)
        return replace(
            facts,
            engine="PostgreSQL 15.5, native replication",
            node_name=None,
            group=None,
            members=(Member("this node", Membership.READY, "native", is_local=True),),
            meshed=False,
            slots=tuple(replace(one, name=f"to_{one.target}", target=None) for one in facts.slots),
            subscriptions=tuple(
                replace(
                    one,
                    name=f"from_{peer}",
                    origin="unknown",
                    slot_name=f"to_{name}",
                    origin_address=f"db.example:{ports[peer]}",
                    forwards=False,
                )
                for one, peer in zip(facts.subscriptions, peers, strict=True)
            ),
        )

    seen = (Observed(name, f"db.example:{ports[name]}", member(name), at, took_ms=3.0) for name in everybody)
    return replace(large(count, count, 2, at=at), nodes=tuple(seen))


def _proxies(everybody: tuple[str, ...], servers: int, at: datetime) -> tuple[Observed[ProxyFacts], ...]:
    """One HAProxy for each 50 servers, with a backend for each group of nodes."""
    made = []
    for number in range(1, max(1, servers // 50) + 1):
        listed = tuple(
            replace(server(f"s{i}", name, sessions=i % 5), backend=f"bk_{i // 10}", backup=i % 10 > 0)
            for i, name in enumerate(itertools.islice(itertools.cycle(everybody), min(50, servers)))
        )
        stick = tuple(
            StickEntry(f"bk_{i}", "127.0.0.1", listed[i * 10].name) for i in range(len(listed) // 10)
        )
        facts = ProxyFacts("2.6.12", 77, 86400, 1, listed, stick)
        made.append(Observed(f"haproxy{number}", f"10.0.1.{number}:9999", facts, at, took_ms=1.0))
    return tuple(made)


def _poolers(count: int, at: datetime) -> tuple[Observed, ...]:  # type: ignore[type-arg]
    return tuple(
        Observed(f"pgb{i}", f"10.0.2.{i}:6432", pooler("transaction"), at, took_ms=1.0)
        for i in range(1, count + 1)
    )
