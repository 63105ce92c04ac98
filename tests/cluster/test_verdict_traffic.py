"""Clients that write on two nodes are critical, and nothing that only looks like it is."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bdr_console.cluster.activity import Activity, SessionGroup
from bdr_console.cluster.history import History
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Finding, Level, Thresholds
from bdr_console.cluster.verdict.history_keys import remember
from bdr_console.cluster.verdict.judge import judge
from tests.cluster.builders import NOW, pooler, proxy, server, snapshot

LIMITS = Thresholds()


def at(moment: datetime, shown: Snapshot) -> Snapshot:
    """The same, read at that moment."""

    def read(target: Observed[Any]) -> Observed[Any]:
        return replace(target, seen_at=moment)

    return replace(
        shown,
        taken_at=moment,
        nodes=tuple(map(read, shown.nodes)),
        proxies=tuple(map(read, shown.proxies)),
        poolers=tuple(map(read, shown.poolers)),
    )


def found(*moments: Snapshot, limits: Thresholds = LIMITS) -> list[Finding]:
    """What is found of the traffic at the last moment, a second apart, with what was seen before."""
    history = History()
    now = NOW
    for number, shown in enumerate(moments):
        now = NOW + timedelta(seconds=number)
        remember(history, at(now, shown))
    verdict = judge(at(now, moments[-1]), limits, now, history)
    return [finding for finding in verdict.findings if finding.code.startswith("traffic.")]


def disagreeing() -> Snapshot:
    two = (
        replace(proxy(sticky="bdr_initial_node"), name="hap1"),
        replace(proxy(sticky="bdr_next_node"), name="hap2"),
    )
    return replace(snapshot(), proxies=two)


def reloaded(connections: int = 12, sessions: int = 6, *, on_node2: int = 6, uptime: int = 20) -> Snapshot:
    """One HAProxy whose new process carries `sessions` to node1; node2 has clients that it does not know."""
    servers = [
        replace(server("n1", "node1"), sessions=sessions),
        replace(server("n2", "node2", backup=True), sessions=0),
    ]
    front = proxy(*servers, sticky="n1")
    assert front.facts is not None
    pooled = pooler().facts
    assert pooled is not None
    pool = replace(pooled.pools[0], servers_active=connections, servers_idle=0)
    shown = snapshot()
    groups = (SessionGroup("", "idle", on_node2), SessionGroup("bdr-console", "active", 3))
    nodes = tuple(
        replace(node, facts=node.facts and replace(node.facts, activity=Activity(groups, ())))
        if node.name == "node2"
        else node
        for node in shown.nodes
    )
    return replace(
        shown,
        nodes=nodes,
        proxies=(replace(front, facts=replace(front.facts, uptime=uptime)),),
        poolers=(replace(pooler(), facts=replace(pooled, pools=(pool,))),),
    )


def test_two_haproxies_that_send_to_two_nodes_are_critical() -> None:
    (finding,) = found(disagreeing(), disagreeing())
    assert (finding.level, finding.code) == (Level.CRIT, "traffic.split")
    assert finding.text == "clients write on two nodes: hap1 to node1, hap2 to node2"
    assert finding.remedy.startswith("make the HAProxies agree")


def test_a_switchover_that_is_read_in_the_middle_is_no_split() -> None:
    assert found(disagreeing()) == []
    assert found(snapshot(), disagreeing()) == []


def test_where_each_haproxy_has_a_node_of_its_own_nothing_is_found() -> None:
    assert found(disagreeing(), disagreeing(), limits=replace(LIMITS, single_writer=False)) == []


def test_the_old_process_of_a_reloaded_haproxy_that_keeps_clients_on_another_node_is_critical() -> None:
    (finding,) = found(reloaded(), reloaded())
    assert finding.level is Level.CRIT
    assert finding.text == (
        "clients write on node1 and node2: 6 server connections of the PgBouncers, carried by no HAProxy "
        "that answers (reloaded? haproxy1 is up 20.0 s)"
    )
    assert finding.remedy == "RECONNECT on pgb-tx moves them"


def test_connections_that_no_haproxy_carries_are_a_warning_where_no_second_node_is_written() -> None:
    shown = reloaded(on_node2=0, uptime=10**6)
    (finding,) = found(shown, shown)
    assert finding.level is Level.WARN
    assert finding.text == "6 server connections of the PgBouncers, carried by no HAProxy that answers"
    assert finding.remedy == "RECONNECT on pgb-tx moves them"


def test_what_haproxy_carries_for_others_hides_nothing_and_accuses_nobody() -> None:
    assert found(reloaded(6, 6), reloaded(6, 6)) == []
    assert found(reloaded(6, 20), reloaded(6, 20)) == []
    assert found(reloaded(6, 6), reloaded()) == [], "one reading is no proof"
