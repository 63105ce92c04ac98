"""The preflight: what makes it pass, warn, fail, or say that it could not tell."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bdr_console.cluster.nodes import Membership, NodeFacts, Slot
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.poolers import PoolerFacts
from bdr_console.cluster.proxies import ProxyFacts, ServerState
from bdr_console.runbooks.checks import ALL_PARTS, preflight, refuses
from bdr_console.runbooks.reading import OpenTransaction, Reading, Rights
from bdr_console.runbooks.run import Check, Outcome
from bdr_console.runbooks.switchover import plan
from tests.runbooks.world import NO_ANSWER, SETTINGS, FakeWorld

Change = Callable[[Reading], Reading]


def healthy() -> Reading:
    return asyncio.run(FakeWorld().read(ALL_PARTS))


def checks(reading: Reading) -> tuple[Check, ...]:
    return preflight(reading, plan(healthy().snapshot, SETTINGS, "node1"), SETTINGS)


def with_node(reading: Reading, name: str, change: Callable[[NodeFacts], NodeFacts] | None) -> Reading:
    def changed(node: Observed[NodeFacts]) -> Observed[NodeFacts]:
        if node.name != name or node.facts is None:
            return node
        if change is None:
            return Observed(name, node.address, error=NO_ANSWER)
        return replace(node, facts=change(node.facts))

    nodes = tuple(changed(node) for node in reading.snapshot.nodes)
    return replace(reading, snapshot=replace(reading.snapshot, nodes=nodes))


def with_proxy(reading: Reading, change: Callable[[ProxyFacts], ProxyFacts] | None) -> Reading:
    first, *others = reading.snapshot.proxies
    assert first.facts is not None
    first = (
        replace(first, facts=change(first.facts)) if change else Observed("haproxy1", "/s", error=NO_ANSWER)
    )
    return replace(reading, snapshot=replace(reading.snapshot, proxies=(first, *others)))


def with_pooler(reading: Reading, change: Callable[[PoolerFacts], PoolerFacts] | None) -> Reading:
    (first,) = reading.snapshot.poolers
    assert first.facts is not None
    first = replace(first, facts=change(first.facts)) if change else Observed("pgb-tx", "x", error=NO_ANSWER)
    return replace(reading, snapshot=replace(reading.snapshot, poolers=(first,)))


def servers(state: ServerState, *names: str) -> Callable[[ProxyFacts], ProxyFacts]:
    def change(facts: ProxyFacts) -> ProxyFacts:
        bits = 1 if state is ServerState.MAINT else 8 if state is ServerState.DRAIN else 0
        changed = tuple(
            replace(s, state=state, status=state.name, admin_state=bits) if s.name in names else s
            for s in facts.servers
        )
        return replace(facts, servers=changed)

    return change


def right(key: str, may_act: bool | None, said: str, version: int = 11800) -> Change:
    return lambda reading: replace(reading, rights={**reading.rights, key: Rights(may_act, said, version)})


def slots(**changed: Any) -> Callable[[NodeFacts], NodeFacts]:
    def change(facts: NodeFacts) -> NodeFacts:
        return replace(facts, slots=tuple(_for_node2(slot, changed) for slot in facts.slots))

    return change


def _for_node2(slot: Slot, changed: dict[str, Any]) -> Slot:
    return replace(slot, **changed) if slot.target == "node2" else slot


def membership(word: Membership) -> Callable[[NodeFacts], NodeFacts]:
    def change(facts: NodeFacts) -> NodeFacts:
        members = tuple(replace(m, membership=word) if m.is_local else m for m in facts.members)
        return replace(facts, members=members)

    return change


def pools(**changed: Any) -> Callable[[PoolerFacts], PoolerFacts]:
    return lambda facts: replace(facts, pools=tuple(replace(pool, **changed) for pool in facts.pools))


def databases(**changed: Any) -> Callable[[PoolerFacts], PoolerFacts]:
    return lambda facts: replace(facts, databases=tuple(replace(d, **changed) for d in facts.databases))


def transaction(age: float) -> Change:
    held = OpenTransaction("node1", 2211, age, "idle in transaction", "billing", "10.0.3.7:5000")
    return lambda reading: replace(reading, activity={**reading.activity, "node1": (held,)})


def foreign(reading: Reading) -> Reading:
    session = replace(reading.sessions["haproxy1"][0], source="10.9.9.9:1234")
    return replace(reading, sessions={**reading.sessions, "haproxy1": (session,)})


def test_a_healthy_cluster_passes_every_check() -> None:
    found = checks(healthy())
    assert {check.outcome for check in found} == {Outcome.PASS}
    assert len(found) > 10


DOWN, MAINT, DRAIN = ServerState.DOWN, ServerState.MAINT, ServerState.DRAIN
BACKUPS = ("bdr_next_node", "bdr_node3")

CASES: list[tuple[str, Change, Outcome, str]] = [
    ("proxy silent", lambda r: with_proxy(r, None), Outcome.UNKNOWN, NO_ANSWER),
    (
        "socket level operator",
        right("haproxy/haproxy1", False, "level operator"),
        Outcome.FAIL,
        "level operator",
    ),
    ("HAProxy 1.8", right("haproxy/haproxy1", None, "does not say its level"), Outcome.WARN, "does not say"),
    ("level not read", lambda r: replace(r, rights={}), Outcome.UNKNOWN, "did not say"),
    ("two processes", lambda r: with_proxy(r, lambda f: replace(f, processes=2)), Outcome.FAIL, "nbproc 2"),
    ("others down", lambda r: with_proxy(r, servers(DOWN, *BACKUPS)), Outcome.FAIL, "bdr_next_node is DOWN"),
    (
        "others drained",
        lambda r: with_proxy(r, servers(DRAIN, *BACKUPS)),
        Outcome.FAIL,
        "bdr_next_node is DRAIN",
    ),
    ("others in maintenance", lambda r: with_proxy(r, servers(MAINT, *BACKUPS)), Outcome.FAIL, "is MAINT"),
    (
        "no other server",
        lambda r: with_proxy(r, lambda f: replace(f, servers=f.servers[:1])),
        Outcome.FAIL,
        "there is no other server",
    ),
    (
        "in maintenance already",
        lambda r: with_proxy(r, servers(MAINT, "bdr_initial_node")),
        Outcome.WARN,
        "already",
    ),
    ("pooler silent", lambda r: with_pooler(r, None), Outcome.UNKNOWN, NO_ANSWER),
    ("stats user", right("pgbouncer/pgb-tx", False, "user x is not an admin"), Outcome.FAIL, "not an admin"),
    ("PgBouncer 1.8", right("pgbouncer/pgb-tx", True, "", 10801), Outcome.FAIL, "has no RECONNECT"),
    ("paused", lambda r: with_pooler(r, databases(paused=True)), Outcome.FAIL, "paused or disabled: app"),
    ("disabled", lambda r: with_pooler(r, databases(disabled=True)), Outcome.FAIL, "paused or disabled: app"),
    ("session pool", lambda r: with_pooler(r, pools(mode="session")), Outcome.WARN, "app as app: 3 clients"),
    ("taker silent", lambda r: with_node(r, "node2", None), Outcome.FAIL, NO_ANSWER),
    (
        "taker joining",
        lambda r: with_node(r, "node2", membership(Membership.JOINING)),
        Outcome.FAIL,
        "is joining",
    ),
    (
        "taker read-only",
        lambda r: with_node(r, "node2", lambda f: replace(f, read_only=True)),
        Outcome.FAIL,
        "read-only",
    ),
    (
        "taker in recovery",
        lambda r: with_node(r, "node2", lambda f: replace(f, in_recovery=True)),
        Outcome.FAIL,
        "recovery",
    ),
    ("node silent", lambda r: with_node(r, "node1", None), Outcome.FAIL, NO_ANSWER),
    ("slot inactive", lambda r: with_node(r, "node1", slots(active=False)), Outcome.FAIL, "slot inactive"),
    ("lag", lambda r: with_node(r, "node1", slots(lag_bytes=2**30)), Outcome.FAIL, "1.0 GiB"),
    ("lag in time", lambda r: with_node(r, "node1", slots(lag_seconds=90.0)), Outcome.FAIL, "1m 30s"),
    (
        "lag unknown",
        lambda r: with_node(r, "node1", slots(lag_bytes=None)),
        Outcome.UNKNOWN,
        "could not be read",
    ),
    ("a third node silent", lambda r: with_node(r, "node3", None), Outcome.WARN, "node3 does not answer"),
    (
        "long transaction",
        transaction(300.0),
        Outcome.WARN,
        "pid 2211 (billing, 10.0.3.7:5000): idle in transaction",
    ),
    ("activity unread", lambda r: replace(r, activity={}), Outcome.WARN, "could not be read"),
    ("foreign session", foreign, Outcome.WARN, "10.9.9.9:1234 on haproxy1"),
]


@pytest.mark.parametrize(
    ("change", "outcome", "seen"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_what_is_wrong_is_seen_and_named(change: Change, outcome: Outcome, seen: str) -> None:
    found = [check for check in checks(change(healthy())) if check.outcome is outcome and seen in check.seen]
    assert found, [f"{c.outcome.value}: {c.title}: {c.seen}" for c in checks(change(healthy()))]
    assert all(check.remedy for check in found), "what is not a pass says what to do"
    assert bool(refuses(tuple(found))) is (outcome in (Outcome.FAIL, Outcome.UNKNOWN))


def test_a_short_transaction_is_no_reason_to_warn() -> None:
    assert refuses(checks(transaction(0.2)(healthy()))) == ()
    assert {check.outcome for check in checks(transaction(0.2)(healthy()))} == {Outcome.PASS}


def test_a_server_missing_on_one_proxy_is_a_failure_there() -> None:
    reading = with_proxy(healthy(), lambda facts: replace(facts, servers=facts.servers[1:]))
    made = plan(reading.snapshot, SETTINGS, "node1")
    failed = [check.title for check in refuses(preflight(reading, made, SETTINGS))]
    assert "haproxy1 knows node1" in failed
