"""Two configured nodes that are one server: found, and never guessed."""

from dataclasses import replace
from datetime import timedelta

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Level, Thresholds
from bdr_console.cluster.verdict.judge import judge
from tests.cluster.builders import NAMES, NOW, node, node_facts, snapshot


def cluster(*ways: tuple[int, str | None]) -> Snapshot:
    """Three nodes, each with (when its server started, its database)."""
    nodes = tuple(
        node(name, replace(node_facts(name), started_at=NOW - timedelta(hours=hours), database=database))
        for name, (hours, database) in zip(NAMES, ways, strict=True)
    )
    return replace(snapshot(), nodes=nodes, proxies=(), poolers=())


def test_two_nodes_that_lead_to_one_database_are_critical() -> None:
    (found,) = judge(cluster((1, "app"), (2, "app"), (1, "app")), Thresholds(), NOW).findings
    assert (found.level, found.subject) == (Level.CRIT, "node3")
    assert found.text == "is the same server and database as node1: one of the two is watched by nobody"
    assert found.remedy == "correct the DSN of node3 (node3:5432): does it lead through a proxy?"


def test_two_databases_of_one_server_and_what_is_not_known_are_nobodys_fault() -> None:
    for ways in (((1, "a"), (1, "b"), (2, "a")), ((1, None), (1, None), (1, None))):
        assert judge(cluster(*ways), Thresholds(), NOW).level is Level.OK
