"""Which node the clients are sent to, and by which way."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bdr_console.cluster.observed import Observed
from bdr_console.cluster.poolers import PoolerFacts
from bdr_console.cluster.proxies import ProxyServer, ServerState
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.traffic import route_words, traffic, traffic_words
from tests.cluster.builders import NOW, pooler, proxy, server, snapshot

UP, MAINT, DOWN = ServerState.UP, ServerState.MAINT, ServerState.DOWN


def behind(*states: ServerState, sessions: tuple[int, ...] = (10, 0, 0), sticky: str = "") -> Snapshot:
    """Three servers, the first of them active, the others backups."""
    servers = [
        replace(server(f"s{i}", f"node{i}", state, backup=i > 1), sessions=count)
        for i, (state, count) in enumerate(zip(states, sessions, strict=True), start=1)
    ]
    return replace(snapshot(), proxies=(proxy(*servers, sticky=sticky),))


@pytest.mark.parametrize(
    ("shown", "takers", "words"),
    [
        (behind(UP, UP, UP), ("node1",), "traffic to node1, 10 sess"),
        (behind(UP, UP, UP, sticky="s2"), ("node2",), "traffic to node2, 0 sess"),
        (behind(MAINT, UP, UP), ("node2",), "traffic to node2, 0 sess"),
        (behind(UP, UP, UP, sticky="gone"), ("node1",), "traffic to node1, 10 sess"),
        (behind(DOWN, MAINT, DOWN, sticky="s1", sessions=(0, 0, 0)), (), "traffic to no node"),
        (replace(snapshot(), proxies=()), (), ""),
        (behind(DOWN, MAINT, DOWN, sticky="s1"), (), "traffic to no node"),
    ],
)
def test_new_connections_go_to_the_sticky_the_active_or_the_first_backup_server(
    shown: Snapshot, takers: tuple[str, ...], words: str
) -> None:
    seen = traffic(shown, NOW)
    assert seen.takers == takers
    assert traffic_words(seen) == words


def test_sessions_that_stay_on_a_server_out_of_service_are_told_as_left() -> None:
    seen = traffic(behind(MAINT, UP, UP, sessions=(4, 9, 0)), NOW)
    assert route_words(seen.of("node1")) == "4 left"
    assert route_words(seen.of("node2")) == "haproxy1/bk_db 9"
    assert route_words(seen.of("node3")) == "-"


def test_a_silent_proxy_makes_traffic_unknown_and_never_none() -> None:
    shown = replace(snapshot(), proxies=(proxy(age=60),))
    seen = traffic(shown, NOW)
    assert seen.unknown == ("haproxy1",)
    assert traffic_words(seen) == "traffic ?"
    assert route_words(seen.of("node1"), unknown=bool(seen.unknown)) == "?"


def test_two_proxies_that_disagree_are_both_told() -> None:
    def to(name: str, sticky: str) -> Observed:  # type: ignore[type-arg]
        return replace(proxy(sticky=sticky), name=name)

    shown = replace(snapshot(), proxies=(to("hap1", "bdr_initial_node"), to("hap2", "bdr_next_node")))
    seen = traffic(shown, NOW)
    assert seen.split
    assert traffic_words(seen) == "traffic split: hap1 to node1, hap2 to node2"
    agreed = replace(snapshot(), proxies=(to("hap1", "bdr_next_node"), to("hap2", "bdr_next_node")))
    assert traffic_words(traffic(agreed, NOW)) == "traffic to node2, 8 sess"
    assert route_words(traffic(agreed, NOW).of("node2")) == "hap1/bk_db +1 8"


def test_a_pgbouncer_that_leads_to_a_node_itself_is_a_way_too() -> None:
    shown = pooler()
    facts = shown.facts
    assert isinstance(facts, PoolerFacts)
    direct = replace(facts, databases=(replace(facts.databases[0], proxies=(), nodes=("node3",)),))
    seen = traffic(replace(snapshot(), proxies=(), poolers=(replace(shown, facts=direct),)), NOW)
    assert route_words(seen.of("node3")) == "pgb-tx/app 8"
    assert traffic_words(seen) == "traffic to node3, 8 sess"


def test_a_server_that_no_node_matches_is_nobodys_traffic() -> None:
    stranger: ProxyServer = replace(server("s1", "node1"), node=None)
    assert traffic(replace(snapshot(), proxies=(proxy(stranger),)), NOW).routes == ()


def test_old_readings_are_no_traffic_of_now() -> None:
    assert not traffic(snapshot(), NOW + timedelta(seconds=60)).routes
