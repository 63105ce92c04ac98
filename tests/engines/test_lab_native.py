"""PostgreSQL's own logical replication with origin = none: what the console says of it.

On PostgreSQL 18, which comes with the development environment: no machine is without it.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from bdr_console.cli import cli
from bdr_console.cluster.verdict.findings import Impact, Level
from bdr_console.lab import Lab, haproxies, pgbouncers, up
from tests.conftest import lab_directory
from tests.engines import lab_trials
from tests.engines.lab_watch import open_transaction, struck, watching
from tests.lab.servers import ask
from tests.waiting import eventually, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]

WORDS = lab_trials.Words(
    engine="PostgreSQL 18",
    stopped=("node1 -> node2", "slot inactive: node2 is not connected"),
    paused=("node1 -> node2", "apply is disabled on node2"),
    conflict=None,
)
BOTH_WAYS = ("node1:node2", "node2:node1")


@pytest.fixture(scope="module")
def native_lab() -> Iterator[Lab]:
    """Three nodes, each of which subscribes to both others."""
    made = up(lab_directory("native"), engine="native")
    try:
        yield made
    finally:
        made.down()


@pytest.fixture
def lab(native_lab: Lab) -> Iterator[Lab]:
    """The same, and put right again after each test: one that fails spoils no other."""
    yield native_lab
    native_lab.mend_all()
    haproxies.command(native_lab.layout, "set server bk_db/bdr_initial_node state ready")
    for node in native_lab.layout.nodes:
        ask(native_lab, node.name, "SELECT pg_stat_reset_subscription_stats(NULL)")


def counted(lab: Lab, node: str) -> dict[str, int]:
    """What the node itself counts of its subscriptions, without the console: the counters above 0, summed."""
    found: dict[str, int] = {}
    for (counters,) in ask(lab, node, "SELECT to_jsonb(s) FROM pg_stat_subscription_stats s"):
        for name, count in counters.items():
            if name.endswith("_count") or name.startswith("confl_"):
                found[name] = found.get(name, 0) + count
    return {name: count for name, count in found.items() if count}


def apart(lab: Lab, **at_once: str) -> None:
    """Carry out one statement on each of node1 and node2 while neither hears of the other, then let them."""
    for link in BOTH_WAYS:
        lab.break_("pause-apply", link)
    for node, statement in at_once.items():
        ask(lab, node, statement)
    for link in BOTH_WAYS:
        lab.mend("pause-apply", link)


def skip_what_is_stuck(lab: Lab) -> None:
    """Have every subscription that fails skip the transaction it fails at, which the server log names."""
    stuck = "SELECT subname, subid FROM pg_stat_subscription_stats WHERE apply_error_count > 0"
    for node in lab.layout.nodes:
        for name, oid in ask(lab, node.name, stuck):
            named = rf'replication origin "pg_{oid}" .*finished at ([0-9A-F]+/[0-9A-F]+)'
            *_, last = re.finditer(named, lab.layout.log(node.name).read_text())
            ask(lab, node.name, f"ALTER SUBSCRIPTION {name} SKIP (lsn = '{last[1]}')")


def as_apply_does(lab: Lab, node: str, statement: str) -> None:
    """Carry out a statement on one node alone: like what apply does, it is sent to nobody."""
    ask(lab, node, "SELECT pg_replication_origin_create('repair')")
    setup = "SELECT pg_replication_origin_session_setup('repair')"
    ask(lab, node, f"{setup}; {statement}; SELECT pg_replication_origin_session_reset()")
    ask(lab, node, "SELECT pg_replication_origin_drop('repair')")


def status(lab: Lab) -> str:
    """What `status` prints, its lines joined."""
    done = CliRunner().invoke(cli, ["--config", str(lab.config), "status"])
    return " ".join(done.stdout.split())


def findings(lab: Lab) -> str:
    """The findings that `status --json` lists, the first one first."""
    done = CliRunner().invoke(cli, ["--config", str(lab.config), "status", "--json"])
    return "\n".join(f"{f['subject']}: {f['text']}" for f in json.loads(done.stdout)["verdict"]["findings"])


def everywhere(lab: Lab, query: str) -> set[object]:
    """The different answers of all nodes."""
    return {tuple(ask(lab, node.name, query)) for node in lab.layout.nodes}


async def test_a_new_lab_runs_on_18_is_healthy_and_its_engine_is_found_out(lab: Lab) -> None:
    assert lab.layout.programs.postgres.major == 18
    assert ask(lab, "node3", "SELECT count(*), min(suborigin) FROM pg_subscription") == [(2, "none")]
    await lab_trials.comes_up_healthy(lab, WORDS)


def test_a_change_arrives_once_on_every_node_and_does_not_come_back(lab: Lab) -> None:
    for node in ("node1", "node2", "node3"):
        ask(lab, node, "UPDATE counter SET n = n + 1 WHERE client = 7")
        expected = ask(lab, node, "SELECT n FROM counter WHERE client = 7")
        wait_until(
            lambda expected=expected: (
                everywhere(lab, "SELECT n FROM counter WHERE client = 7")  # type: ignore[misc]
                == {tuple(expected)}
            ),
            "every node has the change",
        )
    assert expected == [(3,)], "none was applied twice"
    assert all("apply_error_count" not in counted(lab, node.name) for node in lab.layout.nodes)


async def test_a_frozen_node_is_told(lab: Lab) -> None:
    await lab_trials.tells_of_a_frozen_node(lab)


async def test_paused_apply_is_told(lab: Lab) -> None:
    await lab_trials.tells_of_paused_apply(lab, WORDS)


def test_a_one_shot_tells_how_long_apply_has_been_paused(lab: Lab, tmp_path: Path) -> None:
    lab_trials.tells_a_one_shot_how_long_apply_has_been_paused(lab, WORDS, tmp_path)


async def test_a_row_that_two_nodes_change_at_once_is_counted_as_one_that_was_handed_over_is(
    lab: Lab,
) -> None:
    async with watching(lab) as watch:
        await watch.healthy()
        await struck(lab, "conflict", "node1:node2")

        def counts() -> set[tuple[str, str, str]]:
            return {
                (node.name, count.origin, count.kind)
                for node in watch.snapshot().nodes
                if node.facts
                for count in node.facts.conflict_counts
            }

        expected = {
            ("node1", "node2_node1", "update_origin_differs"),
            ("node2", "node1_node2", "update_origin_differs"),
        }
        await eventually(lambda: expected <= counts(), lambda: str(counts()))
        await watch.healthy()
    assert counted(lab, "node1")["confl_update_origin_differs"] >= 1
    lab.mend_all()
    assert counted(lab, "node1") == {}, "the lab is as after `up`"


def test_an_update_that_finds_its_row_deleted_is_reported_until_the_count_is_reset(lab: Lab) -> None:
    ask(lab, "node1", "INSERT INTO ledger VALUES (2, 1, 1, 1), (2, 1, 2, 1)")
    wait_until(
        lambda: everywhere(lab, "SELECT count(*) FROM ledger WHERE run = 2") == {((2,),)}, "rows arrive"
    )
    apart(
        lab,
        node1="WITH changed AS (UPDATE ledger SET n = 2 WHERE run = 2 AND seq = 1)"
        " DELETE FROM ledger WHERE run = 2 AND seq = 2",
        node2="DELETE FROM ledger WHERE run = 2",
    )
    wait_until(lambda: counted(lab, "node2").get("confl_update_missing"), "node2 has no row to update")
    wait_until(lambda: counted(lab, "node1").get("confl_delete_missing"), "node1 has no row to delete")
    assert counted(lab, "node1")["confl_delete_origin_differs"] == 1
    shown = findings(lab)
    assert (
        "node2: subscription node1_node2 threw 1 update and 1 delete away here, for the row was not there"
        in shown
    )
    assert "node1: subscription" not in shown, "the row is gone there, as both wanted"
    node3 = [line for line in shown.splitlines() if line.startswith("node3: subscription")]
    assert all("update" not in line for line in node3), "both deleted a row: the second delete found none"
    for node in ("node1", "node2", "node3"):
        ask(lab, node, "SELECT pg_stat_reset_subscription_stats(NULL)")
    assert "HEALTHY" in status(lab)


def test_a_switchover_under_load_leaves_the_verdict_healthy_though_postgresql_counts_its_rows(
    lab: Lab,
) -> None:
    lab.start_load(clients=4, rate=50)
    haproxies.command(lab.layout, "set server bk_db/bdr_initial_node state maint")
    for pooler in lab.layout.poolers:
        pgbouncers.admin(lab.layout, pooler, "RECONNECT app")
    wait_until(lambda: counted(lab, "node1").get("confl_update_origin_differs"), "node2 writes node1's rows")
    haproxies.command(lab.layout, "set server bk_db/bdr_initial_node state ready")
    result = lab.stop_load()
    assert (result.failed, result.lost) == (0, 0)
    assert "HEALTHY" in status(lab)
    lab.mend_all()


async def test_a_key_inserted_on_two_nodes_stops_apply_on_both_until_one_row_is_taken_away(lab: Lab) -> None:
    async with watching(lab) as watch:
        await watch.healthy()
        since = watch.now()
        apart(
            lab,
            node1="INSERT INTO ledger VALUES (3, 1, 1, 1)",
            node2="INSERT INTO ledger VALUES (3, 1, 1, 2)",
        )
        await watch.says("node2 -> node1", "node1 says down .* an insert of a key that exists", since=since)
        await watch.says("node1 -> node2", "down", since=since)
    assert counted(lab, "node1")["confl_insert_exists"] >= 1
    assert counted(lab, "node1")["apply_error_count"] >= 1
    assert "CRITICAL" in await asyncio.to_thread(status, lab)
    await asyncio.to_thread(skip_what_is_stuck, lab)
    for node in lab.layout.nodes:  # what node1 wrote stays
        as_apply_does(lab, node.name, "UPDATE ledger SET n = 1 WHERE run = 3")
    lab.mend_all()
    assert everywhere(lab, "SELECT n FROM ledger WHERE run = 3") == {((1,),)}
    assert "HEALTHY" in await asyncio.to_thread(status, lab)


async def test_a_dropped_publication_is_critical_with_the_statement_that_brings_it_back(lab: Lab) -> None:
    async with watching(lab) as watch:
        await watch.healthy()
        since = watch.now()
        await asyncio.to_thread(ask, lab, "node1", "DROP PUBLICATION lab")
        found = await watch.says("node1 -> node2", "publication lab does not exist on node1", since=since)
        assert found.level is Level.CRIT
        assert "CREATE PUBLICATION lab" in found.remedy
        await asyncio.to_thread(ask, lab, "node1", "INSERT INTO ledger VALUES (5, 1, 1, 1)")
        again = "CREATE PUBLICATION lab FOR TABLE counter, ledger"
        await asyncio.to_thread(ask, lab, "node1", again)
        await watch.healthy()
    assert ask(lab, "node2", "SELECT count(*) FROM ledger WHERE run = 5") == [(0,)], "the row is lost"
    as_apply_does(lab, "node1", "DELETE FROM ledger WHERE run = 5")


async def test_a_subscription_that_does_not_know_a_new_table_is_critical_until_it_is_refreshed(
    lab: Lab,
) -> None:
    pairs = [(to, "node1") for to in ("node2", "node3")]
    try:
        async with watching(lab) as watch:
            await watch.healthy()
            for node in lab.layout.nodes:
                await asyncio.to_thread(ask, lab, node.name, "CREATE TABLE extra (id int PRIMARY KEY)")
            assert watch.findings() == (), "a table that nobody publishes is local"
            since = watch.now()
            await asyncio.to_thread(ask, lab, "node1", "ALTER PUBLICATION lab ADD TABLE extra")
            await asyncio.to_thread(ask, lab, "node1", "INSERT INTO extra VALUES (1)")
            for to, origin in pairs:
                found = await watch.says(f"{origin} -> {to}", "does not take public.extra", since=since)
                assert (found.level, found.hurts) == (Level.CRIT, Impact.DATA)
                refresh = f"ALTER SUBSCRIPTION {origin}_{to} REFRESH PUBLICATION"
                assert refresh in found.remedy
                await asyncio.to_thread(ask, lab, to, refresh)
            copied = (
                "SELECT (SELECT count(*) FROM extra),"
                " (SELECT count(*) FROM pg_subscription_rel WHERE srsubstate <> 'r')"
            )
            await asyncio.to_thread(
                wait_until,
                lambda: everywhere(lab, copied) == {((1, 0),)},
                "the row that was thrown away is copied",
            )
            one_way = "public.extra goes from node1 to node2 and not back"
            await watch.says("node2 -> node1", one_way, since=since)
    finally:
        for node in lab.layout.nodes:
            ask(lab, node.name, "DROP TABLE IF EXISTS extra")
    async with watching(lab) as watch:
        await watch.healthy()


async def test_apply_that_waits_for_a_lock_names_the_session_that_holds_it(lab: Lab) -> None:
    async with watching(lab) as watch:
        await watch.healthy()
        await asyncio.to_thread(ask, lab, "node1", "INSERT INTO ledger VALUES (6, 1, 1, 1)")
        with open_transaction(lab, "node2", "LOCK TABLE ledger IN EXCLUSIVE MODE") as pid:
            await asyncio.to_thread(ask, lab, "node1", "UPDATE ledger SET n = 2 WHERE run = 6")
            # It counts after 10 s, or when node1 has given up on it.
            held = await watch.says("node1 -> node2", rf"apply on node2 .* waits .* pid {pid} .*LOCK TABLE")
            assert f"pg_terminate_backend({pid})" in held.remedy
        await watch.healthy()


async def test_a_slot_that_was_dropped_is_critical_and_says_how_to_begin_anew(lab: Lab) -> None:
    async with watching(lab) as watch:
        await watch.healthy()
        await asyncio.to_thread(ask, lab, "node2", "ALTER SUBSCRIPTION node1_node2 DISABLE")
        await watch.says("node1 -> node2", "apply is disabled on node2")
        await asyncio.to_thread(ask, lab, "node1", "SELECT pg_drop_replication_slot('node1_node2')")
        await asyncio.to_thread(ask, lab, "node2", "ALTER SUBSCRIPTION node1_node2 ENABLE")
        gone = await watch.says("node1 -> node2", "node1 has no slot node1_node2, which node2 wants to read")
        assert "drop subscription node1_node2 and create it anew" in gone.remedy
        again = "SELECT pg_create_logical_replication_slot('node1_node2', 'pgoutput')"
        await asyncio.to_thread(ask, lab, "node1", again)
        await watch.healthy()


async def test_a_long_transaction_is_told(lab: Lab) -> None:
    await lab_trials.tells_of_a_long_transaction(lab)


async def test_a_stopped_node_is_told(lab: Lab) -> None:
    await lab_trials.tells_of_a_stopped_node(lab, WORDS)
