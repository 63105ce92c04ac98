"""What a DBA would say of each state, and why."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bdr_console.cluster.nodes import Member, Membership, Sessions, Unread
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.proxies import ServerState
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Level, Thresholds
from bdr_console.cluster.verdict.headline import headline
from bdr_console.cluster.verdict.judge import judge
from tests.cluster.builders import (
    NOW,
    node,
    node_facts,
    pool,
    pooler,
    proxy,
    server,
    slot,
    snapshot,
    with_node,
)

LIMITS = Thresholds()


def healthy() -> Snapshot:
    return snapshot()


def node2_frozen() -> Snapshot:
    gone = replace(node("node2", age=12.0), error="no answer within 2.0 s")
    return with_node(snapshot(), gone)


def node2_never_seen() -> Snapshot:
    return with_node(snapshot(), Observed("node2", "node2:5432", error="connection refused"))


def starting() -> Snapshot:
    return with_node(snapshot(), Observed("node2", "node2:5432", pending_since=NOW))


def lagging(lag: int) -> Snapshot:
    facts = node_facts("node2")
    return with_node(snapshot(), node("node2", replace(facts, slots=(slot("node1"), slot("node3", lag)))))


def slot_inactive() -> Snapshot:
    facts = node_facts("node2")
    dead = replace(slot("node3"), active=False, state="disconnected", pid=None)
    return with_node(snapshot(), node("node2", replace(facts, slots=(slot("node1"), dead))))


def slot_missing() -> Snapshot:
    return with_node(snapshot(), node("node2", replace(node_facts("node2"), slots=(slot("node1"),))))


def apply_paused() -> Snapshot:
    facts = node_facts("node3")
    off = tuple(replace(s, enabled=s.origin != "node1", status="disabled") for s in facts.subscriptions)
    return with_node(snapshot(), node("node3", replace(facts, subscriptions=off)))


def joining() -> Snapshot:
    facts = node_facts("node3")
    members = (Member("node3", Membership.JOINING, "CATCHUP", "app", is_local=True),)
    return with_node(replace(snapshot(), proxies=()), node("node3", replace(facts, members=members)))


def with_sessions(**change: float) -> Snapshot:
    facts = node_facts("node1")
    sessions = replace(Sessions(10, 2, 0, 100), **change)  # type: ignore[arg-type]
    return with_node(snapshot(), node("node1", replace(facts, sessions=sessions)))


def unreadable() -> Snapshot:
    facts = replace(node_facts("node1"), unread=(Unread("slots", "permission denied for view node_slots"),))
    return with_node(snapshot(), node("node1", facts))


def servers(*states: ServerState) -> Snapshot:
    names = zip(
        ("bdr_initial_node", "bdr_next_node", "bdr_node3"), ("node1", "node2", "node3"), states, strict=True
    )
    return replace(snapshot(), proxies=(proxy(*(server(name, of, state) for name, of, state in names)),))


def server_mistyped() -> Snapshot:
    return replace(snapshot(), proxies=(proxy(server("a", "node1", backup=False), server("b", "node2")),))


def waiting(seconds: float) -> Snapshot:
    return replace(
        snapshot(), poolers=(pooler("pgb-tx", replace(pool(), clients_waiting=3, max_wait=seconds)),)
    )


def paused() -> Snapshot:
    return replace(snapshot(), poolers=(pooler(paused=True),))


UP, MAINT, DOWN = ServerState.UP, ServerState.MAINT, ServerState.DOWN


@pytest.mark.parametrize(
    ("state", "level", "subject", "reason"),
    [
        (node2_frozen(), Level.CRIT, "node2", "no answer within 2.0 s; last seen 12.0 s ago"),
        (node2_frozen(), Level.UNKNOWN, "node1 -> node2", "slot active, but node2 does not answer"),
        (node2_frozen(), Level.UNKNOWN, "node2 -> node1", "node2 does not answer"),
        (node2_never_seen(), Level.CRIT, "node2", "connection refused; never seen"),
        (starting(), Level.UNKNOWN, "node2", "not read yet"),
        (lagging(20 * 1024**2), Level.WARN, "node2 -> node3", "lags 20.0 MiB"),
        (lagging(200 * 1024**2), Level.CRIT, "node2 -> node3", "lags 200 MiB"),
        (slot_inactive(), Level.CRIT, "node2 -> node3", "slot inactive: node3 is not connected"),
        (slot_missing(), Level.CRIT, "node2 -> node3", "node2 has no slot for node3"),
        (apply_paused(), Level.WARN, "node1 -> node3", "apply is disabled on node3"),
        (joining(), Level.WARN, "node3", "is joining, not ready"),
        (with_sessions(oldest_transaction=75.0), Level.WARN, "node1", "oldest transaction open for 1m 15s"),
        (with_sessions(total=90), Level.WARN, "node1", "90 of 100 connections in use"),
        (unreadable(), Level.UNKNOWN, "node1", "slots could not be read: permission denied"),
        (servers(DOWN, UP, UP), Level.WARN, "haproxy1/bk_db/bdr_initial_node", "down (L4OK)"),
        (servers(MAINT, UP, UP), Level.WARN, "haproxy1/bk_db/bdr_initial_node", "in maintenance"),
        (
            servers(MAINT, UP, DOWN),
            Level.WARN,
            "haproxy1/bk_db",
            "bdr_next_node is the last server that takes",
        ),
        (servers(MAINT, DOWN, DOWN), Level.CRIT, "haproxy1/bk_db", "no server takes traffic"),
        (
            server_mistyped(),
            Level.WARN,
            "node3",
            "no HAProxy server stands for it (HAProxy has: bk_db/a, bk_db/b)",
        ),
        (waiting(2.0), Level.WARN, "pgb-tx/app", "3 clients wait for a server connection, the longest 2.0 s"),
        (waiting(20.0), Level.CRIT, "pgb-tx/app", "the longest 20.0 s"),
        (paused(), Level.WARN, "pgb-tx/app", "paused"),
    ],
)
def test_each_fault_is_found_with_its_reason(
    state: Snapshot, level: Level, subject: str, reason: str
) -> None:
    verdict = judge(state, LIMITS, NOW)
    told = [f for f in verdict.findings if f.subject == subject and reason in f.text]
    assert [f.level for f in told] == [level], verdict.findings
    assert verdict.level >= level


def test_a_healthy_cluster_has_nothing_to_report() -> None:
    verdict = judge(healthy(), LIMITS, NOW)
    assert verdict.findings == ()
    assert headline(verdict, (), NOW) == "HEALTHY"


def test_the_headline_names_the_root_and_counts_no_consequence() -> None:
    verdict = judge(servers(MAINT, DOWN, DOWN), LIMITS, NOW)
    assert headline(verdict, (), NOW) == (
        "CRITICAL: haproxy1/bk_db: no server takes traffic (bdr_initial_node: is in maintenance; "
        "bdr_next_node: is down; bdr_node3: is down)"
    ), "the servers follow from it"


def test_the_same_snapshot_turns_critical_when_nothing_new_arrives() -> None:
    assert judge(healthy(), LIMITS, NOW + timedelta(seconds=1)).level is Level.OK
    verdict = judge(healthy(), LIMITS, NOW + timedelta(seconds=30))
    assert verdict.level is Level.CRIT
    assert {f.subject for f in verdict.findings} >= {
        "node1",
        "node2",
        "node3",
        "haproxy1",
        "pgb-tx",
        "pgb-session",
    }


def test_nodes_that_are_no_members_are_unknown_not_fine() -> None:
    alone = tuple(node(n.name, replace(node_facts(n.name), members=())) for n in snapshot().nodes)
    verdict = judge(replace(snapshot(), nodes=alone), LIMITS, NOW)
    assert verdict.level is Level.UNKNOWN
