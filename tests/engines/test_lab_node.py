"""A node of the lab, whose schema `bdr` is a stand-in for BDR's over real replication."""

from __future__ import annotations

import asyncio
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bdr_console import config
from bdr_console.cluster.nodes import Membership
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.replication import LinkState, links
from bdr_console.cluster.slot_owners import with_slot_owners
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Level, Thresholds
from bdr_console.cluster.verdict.judge import judge
from bdr_console.engines import Probe
from bdr_console.engines.detect import DETECT, kind_of
from bdr_console.engines.engine import identity
from bdr_console.links.postgres import PostgresReader
from tests.links.servers import program

if TYPE_CHECKING:
    from bdr_console.lab import Lab


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
@pytest.mark.parametrize("word", ["bdr3", "pglogical"])
async def test_every_statement_that_a_lab_node_is_asked_runs_as_it_is_in_psql(
    word: str, healthy_lab: Lab
) -> None:
    _, cluster = config.load(healthy_lab.config).cluster(None)
    dsn = cluster.nodes["node1"].dsn
    reader = PostgresReader("node1", dsn)
    try:
        (row,) = (await reader.fetch({"detect": DETECT}))["detect"]  # type: ignore[misc]
    finally:
        await reader.close()
    engine = kind_of(identity(row), word).make(identity(row), "3.7.23")
    for name, text in {**engine.statements(), **engine.seldom(), **engine.positions()}.items():
        done = await asyncio.to_thread(
            subprocess.run,
            [program("psql"), "-X", "-v", "ON_ERROR_STOP=1", dsn],
            input=text,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, f"{name}: {done.stderr}"
        assert done.stdout.strip().endswith(("row)", "rows)")), name


@pytest.mark.lab
async def test_the_replication_beneath_the_stand_in_is_shown_as_pglogical_where_the_file_says_so(
    healthy_lab: Lab,
) -> None:
    _, cluster = config.load(healthy_lab.config).cluster(None)
    observed = []
    for name, node in cluster.nodes.items():
        reader = PostgresReader(name, node.dsn)
        try:
            facts = await Probe(reader, "pglogical").read()
        finally:
            await reader.close()
        assert facts.engine.startswith("pglogical 2.")
        assert facts.unread == ()
        assert facts.node_name == name
        assert {subscription.status for subscription in facts.subscriptions} == {"replicating"}
        assert all(subscription.apply_pid for subscription in facts.subscriptions)
        observed.append(Observed(name, reader.address, facts, datetime.now(UTC), took_ms=1.0))
    now = datetime.now(UTC)
    snapshot = Snapshot("lab", "test", now, 10.0, with_slot_owners(observed), (), ())
    assert {(link.state, link.lag_bytes is None) for link in links(snapshot, now)} == {
        (LinkState.STREAMING, False)
    }, "each slot finds its reader by the subscription of the other node"
    assert judge(snapshot, Thresholds(), now).level is Level.OK
