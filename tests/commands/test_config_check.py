"""What `config check --connect` sees only by all nodes together."""

from dataclasses import replace

from bdr_console.commands.config_check import Asked, compared
from tests.cluster.builders import NAMES, node_facts


def asked(*names: str) -> tuple[Asked, ...]:
    return tuple(Asked("shop", "node", name, f"{name}:5432", True, "PostgreSQL 15.4") for name in names)


def test_a_member_that_is_not_configured_fails_the_check_with_what_to_do() -> None:
    read = {name: node_facts(name) for name in ("node1", "node2")}
    first, second = compared("shop", asked("node1", "node2"), read)
    assert (first.fault, second.fault) == (True, False)
    assert first.notes[0].startswith(
        "node3 is a member of the group (node1 and node2 say ACTIVE), but not in"
    )
    assert first.notes[1].startswith("add it to the configuration (nodes: node3: {dsn: host=...})")


def test_two_nodes_that_are_one_server_fail_the_check() -> None:
    read = {name: replace(node_facts(name), database="app") for name in NAMES}
    found = compared("shop", asked(*NAMES), read)
    assert [one.fault for one in found] == [False, True, True], "all three started at one moment"
    assert found[1].notes[0].startswith("node2 is the same server and database as node1")


def test_a_node_that_did_not_answer_may_be_the_member_that_is_lacking() -> None:
    read = {name: node_facts(name) for name in ("node1", "node2")}
    found = compared("shop", asked("node1", "node2", "db3"), read)
    assert not any(one.fault for one in found)
