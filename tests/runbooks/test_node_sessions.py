"""Who is really on a node, by PostgreSQL's own word."""

import asyncio
from dataclasses import replace

import pytest

from bdr_console.config import ClusterSettings
from bdr_console.runbooks.checks.preflight import ALL_PARTS
from bdr_console.runbooks.model.node_sessions import ClientRules, Way, client_rules, others_on, sessions_on
from bdr_console.runbooks.model.reading import Backend, Reading
from tests.runbooks.world import FakeWorld, direct

RULES = ClientRules(("app",), ("bdr_console",), ("exporter",))


def seen(*backends: Backend, **fields: object) -> Reading:
    world = FakeWorld(direct=list(backends), **fields)  # type: ignore[arg-type]
    return asyncio.run(world.read(ALL_PARTS))


def test_pooled_sessions_are_told_from_those_that_came_another_way() -> None:
    found = sessions_on(seen(direct(age=5.0)), "node1", RULES) or ()
    assert [one.way for one in found] == [Way.OTHER, Way.POOLER, Way.POOLER, Way.POOLER]
    assert found[0].backend.application == "nightly-etl"


@pytest.mark.parametrize(
    ("changed", "way"),
    [
        ({"application": "bdr-console run 3f4c", "user": "bdr_console"}, Way.CONSOLE),
        ({"application": "bdr-console", "user": "app"}, Way.OTHER),
        ({"application": "bdr (6127682459268878512,1,16385,):init"}, Way.REPLICATION),
        ({"application": "pgactive:7:send"}, Way.REPLICATION),
        ({"application": "bdr_etl"}, Way.OTHER),
        ({"user": "bucardo"}, Way.REPLICATION),
        ({"user": "exporter"}, Way.MAINTENANCE),
        ({"user": "postgres"}, Way.OTHER),
    ],
)
def test_a_session_is_no_client_only_when_it_is_known_to_be_none(changed: dict[str, str], way: Way) -> None:
    (found,) = sessions_on(seen(replace(direct("node2"), **changed)), "node2", RULES) or ()  # type: ignore[arg-type]
    assert (found.way, found.counts) == (way, way is Way.OTHER)


def test_sessions_of_databases_that_are_not_replicated_do_not_count() -> None:
    elsewhere = replace(direct("node2"), database="postgres")
    assert others_on(seen(elsewhere), "node2", RULES) == ()
    assert others_on(seen(elsewhere), "node2", ClientRules()) == ()
    assert len(others_on(seen(replace(elsewhere, database="shop")), "node2", ClientRules()) or ()) == 1
    assert len(others_on(seen(replace(elsewhere, database="")), "node2", RULES) or ()) == 1, "hidden"


def test_a_pooled_session_through_an_old_process_of_haproxy_is_still_the_poolers() -> None:
    found = sessions_on(seen(old_process={40000, 40001, 40002}), "node1", RULES) or ()
    assert {one.way for one in found} == {Way.POOLER}


def test_a_pid_that_two_nodes_have_is_nobodys_where_no_list_tells() -> None:
    twin = replace(direct("node2", 40000), user="app")
    found = sessions_on(seen(twin, old_process={40000}), "node1", RULES) or ()
    assert [one.backend.pid for one in found if one.way is Way.OTHER] == [40000]


def test_a_node_that_does_not_answer_has_unknown_sessions_not_none() -> None:
    assert sessions_on(seen(silent={"node1"}), "node1", RULES) is None


def test_the_databases_that_count_are_those_of_the_nodes_and_of_the_poolers() -> None:
    settings = ClusterSettings.model_validate(
        {"nodes": {"n": {"dsn": "dbname=app user=mon"}}, "maintenance_roles": ["exporter"]}
    )
    assert client_rules(settings, ["shop", "app"]) == ClientRules(("app", "shop"), ("mon",), ("exporter",))
