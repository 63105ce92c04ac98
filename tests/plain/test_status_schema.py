"""The JSON that scripts build on: its shape is published, and what is printed has that shape."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Thresholds
from bdr_console.links.advisory import Holder
from bdr_console.plain.page import page
from bdr_console.plain.plugin import plugin_lines
from bdr_console.plain.status_json import status_document
from bdr_console.plain.status_schema import ServerJson, StatusJson, schema
from tests.plain.seen import report
from tests.ui.scenes import never_read, run, silent, snapshot

PUBLISHED = Path(__file__).parents[2] / "docs/status.schema.json"
HOLDER = Holder("node1", 77, "", "app", "10.0.0.5", "2026-03-04T10:00:00Z")
SCENES = {
    "healthy": snapshot(),
    "silent node": silent(snapshot(), "node2"),
    "silent proxy": silent(snapshot(), "haproxy1"),
    "nothing read": never_read(snapshot()),
}


def test_the_published_schema_is_current() -> None:
    assert PUBLISHED.read_text("utf-8") == schema(), "bdr-console status --schema > docs/status.schema.json"
    for section in json.loads(schema())["$defs"].values():
        assert all("description" in part for part in section["properties"].values()), section["title"]


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_what_is_printed_has_the_published_shape_and_is_understood_again(scene: Snapshot) -> None:
    made = status_document(report(scene, runs=(run(),), lock=HOLDER))
    text = made.model_dump_json(by_alias=True)
    jsonschema.validate(json.loads(text), json.loads(PUBLISHED.read_text("utf-8")))
    assert StatusJson.model_validate_json(text) == made
    assert made.runs[0].run == run().run_id


def test_another_shape_is_refused_by_the_schema() -> None:
    told_ = json.loads(status_document(report(snapshot())).model_dump_json(by_alias=True))
    del told_["verdict"]["exit_code"]
    with pytest.raises(jsonschema.ValidationError, match="exit_code"):
        jsonschema.validate(told_, json.loads(schema()))


def test_an_unknown_figure_is_null_and_never_zero() -> None:
    made = status_document(report(never_read(snapshot())))
    assert made.nodes[0].sessions is None
    assert made.links[0].lag_bytes is None
    assert made.verdict.exit_code == 3


def changed(**facts: Any) -> Snapshot:
    """node2 says that of itself."""
    made = snapshot()
    nodes = tuple(
        replace(node, facts=replace(node.facts, **facts)) if node.name == "node2" and node.facts else node
        for node in made.nodes
    )
    return replace(made, nodes=nodes)


def servers_of(scene: Snapshot) -> dict[str, ServerJson]:
    return {server.name: server for server in status_document(report(scene)).proxies[0].servers}


def test_every_server_and_node_says_whether_it_takes_traffic_and_if_not_why() -> None:
    healthy = servers_of(snapshot())
    assert {(server.takes_traffic, server.why_not) for server in healthy.values()} == {(True, None)}
    read_only = changed(read_only=True)
    why = "is read-only (default_transaction_read_only)"
    node = status_document(report(read_only)).nodes[1]
    assert (node.takes_traffic, node.why_not) == (False, why)
    assert (servers_of(read_only)["bdr_next_node"].takes_traffic) is False
    assert servers_of(read_only)["bdr_next_node"].why_not == f"node2 {why}"
    assert servers_of(read_only)["bdr_initial_node"].takes_traffic is True
    assert "no: node2 is read-only" in "\n".join(page(report(read_only), 140))


def test_what_cannot_be_told_of_the_traffic_is_null_with_the_reason() -> None:
    dead = silent(snapshot(), "node2")
    assert status_document(report(dead)).nodes[1].takes_traffic is None
    server = servers_of(dead)["bdr_next_node"]
    assert (server.takes_traffic, server.why_not) == (None, "node2 does not answer")
    deaf = servers_of(silent(snapshot(), "haproxy1"))
    assert {(one.takes_traffic, one.why_not) for one in deaf.values()} == {(None, "haproxy1 does not answer")}


def test_the_verdict_counts_as_a_plugin_counts() -> None:
    assert status_document(report(snapshot())).verdict.exit_code == 0
    assert status_document(report(silent(snapshot(), "node2"))).verdict.exit_code == 2
    assert status_document(report(silent(snapshot(), "node2"))).nodes[1].level == "critical"


def test_a_plugin_line_has_one_bar_and_figures_of_what_was_read_only() -> None:
    first, *rest = plugin_lines(report(silent(snapshot(), "node2", error="a|b")), Thresholds())
    said, _, data = first.partition(" | ")
    assert said.startswith("CRITICAL - lab: node2 does not answer: a/b; last seen")
    assert "nodes_up=2;;;0;3" in data.split()
    assert "sessions_node2" not in data
    assert "lag_node1-node3=4096B;10485760;104857600;0" in data.split()
    assert rest[0].startswith("node2 does not answer: a/b")
    assert not any("|" in line for line in rest)
