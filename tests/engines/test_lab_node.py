"""A node of the lab, whose schema `bdr` is a stand-in for BDR's over real replication."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import bdr_console.engines
from bdr_console import config
from bdr_console.cluster.nodes import Membership
from bdr_console.engines import Probe
from bdr_console.links.postgres import PostgresReader
from tests.links.servers import program

if TYPE_CHECKING:
    from bdr_console.lab import Lab

BDR3 = Path(bdr_console.engines.__file__).parent / "bdr3"


@pytest.mark.lab
async def test_a_lab_node_is_named_a_stand_in_and_shows_both_peers(healthy_lab: Lab) -> None:
    settings = config.load(healthy_lab.config)
    _, cluster = settings.cluster(None)
    reader = PostgresReader("node1", cluster.nodes["node1"].dsn)
    try:
        facts = await Probe(reader).read()
    finally:
        await reader.close()
    assert facts.engine.startswith("BDR 3.7")
    assert facts.engine.endswith("(lab stand-in)")
    assert facts.unread == ()
    assert facts.node_name == "node1"
    assert facts.membership is Membership.READY
    peers = {name for name in cluster.nodes if name != "node1"}
    assert {slot.target for slot in facts.slots} == peers
    assert {subscription.origin for subscription in facts.subscriptions} == peers
    assert {slot.state for slot in facts.slots} == {"streaming"}


@pytest.mark.lab
@pytest.mark.parametrize(
    "path", sorted(set(BDR3.glob("*.sql")) - {BDR3 / "grants.sql"}), ids=lambda path: path.name
)
def test_every_statement_runs_as_it_is_in_psql(path: Path, healthy_lab: Lab) -> None:
    _, cluster = config.load(healthy_lab.config).cluster(None)
    done = subprocess.run(
        [program("psql"), "-X", "-v", "ON_ERROR_STOP=1", "-f", str(path), cluster.nodes["node1"].dsn],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith(("row)", "rows)"))
