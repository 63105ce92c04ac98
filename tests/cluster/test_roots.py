"""One trouble is one line: what a dead node, host, HAProxy or a run brings along folds under it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bdr_console.cluster.observed import FactsT, Observed
from bdr_console.cluster.poolers import Pool
from bdr_console.cluster.proxies import ServerState
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Finding, Impact, Level, Thresholds, Verdict
from bdr_console.cluster.verdict.headline import headline
from bdr_console.cluster.verdict.judge import judge
from bdr_console.cluster.verdict.roots import Work
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
HOLD = Work("node1", "3f4c", "root@bastion", holds=True)
MOVING = Work("node1", "3f4c", "root@bastion")


def gone(target: Observed[FactsT], error: str = "timed out after 2.0 s") -> Observed[FactsT]:
    return replace(target, error=error, seen_at=NOW - timedelta(seconds=12))


def waiting(clients: int = 6, longest: float = 9.8) -> Pool:
    return replace(pool(), clients_waiting=clients, max_wait=longest, servers_active=10)


def dead(name: str, error: str = "timed out after 2.0 s", before: Snapshot | None = None) -> Snapshot:
    """That node is silent; the others have lost their links to it."""
    shown = before or snapshot()
    for other in shown.nodes:
        facts = other.facts
        if facts is None or other.name == name:
            continue
        slots = tuple(
            replace(one, active=False, pid=None) if one.target == name else one for one in facts.slots
        )
        shown = with_node(shown, replace(other, facts=replace(facts, slots=slots)))
    silent = shown.node(name)
    assert silent is not None
    return with_node(shown, gone(silent, error))


def frozen_with_traffic() -> Snapshot:
    return replace(
        dead("node1"), poolers=(pooler("pgb-tx", waiting()), pooler("pgb-session", pool("session")))
    )


def stopped_and_failed_over() -> Snapshot:
    shown = dead("node1", "connection refused")
    down = replace(server("bdr_initial_node", "node1", ServerState.DOWN, backup=False), sessions=0)
    return replace(
        shown,
        proxies=(
            proxy(
                down, server("bdr_next_node", "node2"), server("bdr_node3", "node3"), sticky="bdr_next_node"
            ),
        ),
    )


def proxy_gone() -> Snapshot:
    none = replace(
        pool(), servers_active=0, servers_idle=0, clients_waiting=8, clients_active=0, max_wait=10.4
    )
    return replace(
        snapshot(), proxies=(gone(proxy(), "connection refused"),), poolers=(pooler("pgb-tx", none),)
    )


def pooler_gone() -> Snapshot:
    return replace(snapshot(), poolers=(gone(pooler(), "Connection refused"), pooler("pgb-session")))


def held(before: Snapshot | None = None) -> Snapshot:
    """node1 is in maintenance, and nothing leads to it."""
    shown = before or snapshot()
    out = replace(server("bdr_initial_node", "node1", ServerState.MAINT, backup=False), sessions=0)
    return replace(
        shown,
        proxies=(
            proxy(
                out, server("bdr_next_node", "node2"), server("bdr_node3", "node3"), sticky="bdr_next_node"
            ),
        ),
    )


def held_and_down() -> Snapshot:
    return held(dead("node1", "connection refused"))


def held_and_another_dead() -> Snapshot:
    return dead("node3", before=held())


def at_one_host() -> Snapshot:
    """node1 and a PgBouncer live on one host, and neither answers."""
    first = replace(gone(node("node1")), address="10.0.0.1:5432")
    shown = with_node(dead("node1"), first)
    return replace(shown, poolers=(replace(gone(pooler()), address="10.0.0.1:6432"), pooler("pgb-session")))


def behind_one_bastion() -> Snapshot:
    shown = dead(
        "node2", "bastion: SSH to 10.9.9.9: timed out", dead("node1", "bastion: SSH to 10.9.9.9: timed out")
    )
    there = tuple(
        replace(one, address=f"10.0.0.{number}:5432 via bastion") if one.error else one
        for number, one in enumerate(shown.nodes)
    )
    return replace(shown, nodes=there)


def cut_off() -> Snapshot:
    """node2 answers, but has lost its peers in both directions."""
    shown = snapshot()
    for name in ("node1", "node2", "node3"):
        facts = node_facts(name)
        slots = tuple(
            replace(one, active=False, pid=None) if "node2" in (name, one.target) else one
            for one in facts.slots
        )
        shown = with_node(shown, node(name, replace(facts, slots=slots)))
    return shown


def apply_paused() -> Snapshot:
    return with_node(snapshot(), node("node2", replace(node_facts("node2"), apply_paused=True)))


def paused_pool() -> Snapshot:
    return replace(snapshot(), poolers=(pooler("pgb-tx", waiting(6, 3.0), paused=True),))


def lost_slot_and_waiting() -> Snapshot:
    facts = node_facts("node2")
    risky = replace(slot("node3"), wal_status="unreserved")
    shown = with_node(snapshot(), node("node2", replace(facts, slots=(slot("node1"), risky))))
    return replace(shown, poolers=(pooler("pgb-tx", waiting(3, 2.0)),))


CASES: dict[str, tuple[Callable[[], Snapshot], tuple[Work, ...], Level, list[str]]] = {
    "a frozen node that has the traffic": (frozen_with_traffic, (), Level.CRIT, ["node1"]),
    "a stopped node after the failover": (stopped_and_failed_over, (), Level.CRIT, ["node1"]),
    "HAProxy is gone": (proxy_gone, (), Level.CRIT, ["haproxy1"]),
    "PgBouncer is gone": (pooler_gone, (), Level.CRIT, ["pgb-tx"]),
    "a host with a node and a PgBouncer is gone": (at_one_host, (), Level.CRIT, ["host 10.0.0.1"]),
    "the way to two nodes is gone": (behind_one_bastion, (), Level.CRIT, ["host bastion"]),
    "a node has lost all of its peers": (cut_off, (), Level.CRIT, ["node2"]),
    "apply is paused": (apply_paused, (), Level.WARN, ["node2"]),
    "somebody has paused a pool": (paused_pool, (), Level.WARN, ["pgb-tx/app"]),
    "a hold": (held, (HOLD,), Level.WARN, ["node1"]),
    "a hold with the node down for its maintenance": (held_and_down, (HOLD,), Level.WARN, ["node1"]),
    "a pause by a run": (paused_pool, (MOVING,), Level.WARN, ["node1"]),
    "another node dies during a hold": (held_and_another_dead, (HOLD,), Level.CRIT, ["node3", "node1"]),
    "maintenance by nobody known": (held, (), Level.WARN, ["haproxy1/bk_db/bdr_initial_node"]),
    "two nodes are dead": (lambda: dead("node3", before=dead("node2")), (), Level.CRIT, ["node2", "node3"]),
    "clients wait, and a slot is about to be lost": (
        lost_slot_and_waiting, (), Level.CRIT, ["pgb-tx/app", "node2 -> node3"],
    ),
}  # fmt: skip


def verdict(scene: Callable[[], Snapshot], works: tuple[Work, ...] = ()) -> Verdict:
    return judge(scene(), LIMITS, NOW, works=works)


@pytest.mark.parametrize("name", CASES)
def test_the_true_root_comes_first_and_what_follows_folds_under_it(name: str) -> None:
    scene, works, level, roots = CASES[name]
    found = verdict(scene, works)
    assert [root.subject for root in found.roots] == roots, found.roots
    assert found.level is level
    assert all(finding.remedy for finding in found.findings)


@pytest.mark.parametrize("name", CASES)
def test_each_folded_finding_follows_its_root_in_the_list(name: str) -> None:
    scene, works, _, _ = CASES[name]
    root: Finding | None = None
    for finding in verdict(scene, works).findings:
        if finding.root is None:
            root = finding
        else:
            assert root is not None
            assert finding.root == root.key


def test_a_frozen_node_says_how_many_clients_hang_and_names_the_key_that_isolates_it() -> None:
    found = verdict(frozen_with_traffic)
    first = found.roots[0]
    assert (first.hurts, first.clients, first.longest_wait) == (Impact.CLIENTS, 18, 9.8)
    assert first.remedy.startswith("i: isolate node1")
    assert "18 clients hang, the longest for 9.8 s" in headline(found, (), NOW)


def test_a_stopped_node_whose_clients_went_elsewhere_hurts_no_client() -> None:
    first = verdict(stopped_and_failed_over).roots[0]
    assert (first.hurts, first.clients) == (Impact.REDUNDANCY, None)
    assert first.remedy == "start PostgreSQL on node1 (node1:5432); its log says why it stopped"


def test_the_clients_behind_a_gone_haproxy_are_cut_off() -> None:
    assert headline(verdict(proxy_gone), (), NOW) == (
        "CRITICAL: haproxy1 is down: 8 clients are cut off, the longest for 10.4 s "
        "(connection refused; last seen 12.0 s ago)"
    )


def test_a_haproxy_that_shuts_out_only_the_console_hurts_no_client() -> None:
    shut = replace(snapshot(), proxies=(gone(proxy(), "permission denied"),))
    assert judge(shut, LIMITS, NOW).roots[0].hurts is Impact.REDUNDANCY, "its PgBouncers serve their clients"


def test_a_node_out_of_service_on_purpose_is_no_outage() -> None:
    assert headline(verdict(held_and_down, (HOLD,)), (), NOW) == (
        "DEGRADED: node1 is out of service (run 3f4c by root@bastion)"
    )


def test_a_run_that_brings_nothing_along_leaves_the_cluster_healthy() -> None:
    assert verdict(snapshot, (MOVING,)).level is Level.OK


def test_clients_that_wait_too_long_stand_out_even_while_a_run_has_paused_them() -> None:
    long = replace(snapshot(), poolers=(pooler("pgb-tx", waiting(6, 12.0), paused=True),))
    found = judge(long, LIMITS, NOW, works=(MOVING,))
    assert found.level is Level.CRIT
    assert found.roots[0].subject == "pgb-tx/app"


def test_the_living_are_not_blamed_for_a_dead_peer() -> None:
    line = headline(verdict(lambda: dead("node2")), (), NOW)
    assert line == (
        "CRITICAL: node2 does not answer: 4 clients hang (timed out after 2.0 s; last seen 12.0 s ago)"
    )


def test_a_refused_login_is_not_called_a_dead_node() -> None:
    error = 'login refused: password authentication failed for user "console"'
    found = judge(dead("node2", error), LIMITS, NOW)
    assert found.roots[0].text.startswith(error)
    assert found.roots[0].remedy.startswith("it runs and refuses the console's login")
    assert found.roots[0].hurts is not Impact.CLIENTS, "nobody is known to be cut off"


def test_nothing_answers_is_the_network_of_this_host_not_six_dead_servers() -> None:
    shown = snapshot()
    silent = replace(
        shown,
        nodes=tuple(gone(node) for node in shown.nodes),
        proxies=tuple(replace(gone(proxy), address="lb:9999") for proxy in shown.proxies),
        poolers=tuple(replace(gone(pooler), address="lb:6432") for pooler in shown.poolers),
    )
    found = judge(silent, LIMITS, NOW)
    assert [root.subject for root in found.roots] == ["network"]
    assert found.roots[0].text == (
        "nothing answers, 3 nodes, 1 HAProxy and 2 PgBouncers: this host may be cut off from all of them"
    )


def test_servers_that_refuse_prove_that_their_host_is_up() -> None:
    shown = with_node(
        dead("node1"), replace(gone(node("node1"), "connection refused"), address="10.0.0.1:5432")
    )
    shown = replace(shown, poolers=(replace(gone(pooler(), "Connection refused"), address="10.0.0.1:6432"),))
    assert {root.subject for root in judge(shown, LIMITS, NOW).roots} >= {"node1", "pgb-tx"}
