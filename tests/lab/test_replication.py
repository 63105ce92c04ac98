"""Replication is real and multi-master, and the stand-in shows it under BDR 3.7's names."""

import psycopg
import pytest

from bdr_console.lab import Lab
from tests.lab.servers import ask
from tests.waiting import wait_until

pytestmark = pytest.mark.lab

NODES = ("node1", "node2", "node3")


def test_a_row_written_on_any_node_is_seen_on_every_other(healthy_lab: Lab) -> None:
    for client, writer in enumerate(NODES, start=101):
        ask(healthy_lab, writer, "UPDATE counter SET n = n + 7 WHERE client = %s", client)
        value = ask(healthy_lab, writer, "SELECT n FROM counter WHERE client = %s", client)
        for reader in NODES:
            wait_until(
                lambda reader=reader, client=client, value=value: (  # type: ignore[misc]
                    ask(healthy_lab, reader, "SELECT n FROM counter WHERE client = %s", client) == value
                ),
                f"{writer}'s write on {reader}",
            )


def test_of_two_conflicting_updates_the_later_one_wins_everywhere(healthy_lab: Lab) -> None:
    update = "UPDATE counter SET n = %s WHERE client = 200"
    healthy_lab.break_("pause-apply", "node1:node2")
    healthy_lab.break_("pause-apply", "node2->node1")
    ask(healthy_lab, "node2", update, 222)
    ask(healthy_lab, "node1", update, 111)
    assert ask(healthy_lab, "node2", "SELECT n FROM counter WHERE client = 200") == [(222,)]
    healthy_lab.mend("pause-apply", "node1:node2")
    healthy_lab.mend("pause-apply", "node2->node1")
    for node in NODES:
        wait_until(
            lambda node=node: (  # type: ignore[misc]
                ask(healthy_lab, node, "SELECT n FROM counter WHERE client = 200") == [(111,)]
            ),
            f"the later update on {node}",
        )


COLUMNS = {
    "node_summary": "node_name name, node_group_name name, interface_name name, interface_connstr text,"
    " peer_state_name text, peer_target_state_name text, node_seq_id integer, node_local_dbname name,"
    " set_repl_ops text, pub_repsets text[], sub_repsets text[], node_id oid, node_group_id oid, if_id oid",
    "node_slots": "target_dbname name, node_group_name name, node_group_id oid, origin_name name,"
    " target_name name, origin_id oid, target_id oid, local_slot_name name, slot_name name,"
    " is_group_slot boolean, plugin name, slot_type text, datoid oid, database name, temporary boolean,"
    " active boolean, active_pid integer, xmin xid, catalog_xmin xid, restart_lsn pg_lsn,"
    " confirmed_flush_lsn pg_lsn, usesysid oid, usename name, application_name text, client_addr inet,"
    " client_hostname text, client_port integer, backend_start timestamp with time zone, state text,"
    " sent_lsn pg_lsn, write_lsn pg_lsn, flush_lsn pg_lsn, replay_lsn pg_lsn, write_lag interval,"
    " flush_lag interval, replay_lag interval, sent_lag_bytes bigint, write_lag_bytes bigint,"
    " flush_lag_bytes bigint, replay_lag_bytes bigint, sent_lag_size text, write_lag_size text,"
    " flush_lag_size text, replay_lag_size text",
    "subscription_summary": "node_group_name name, sub_name name, origin_name name, target_name name,"
    " sub_enabled boolean, sub_slot_name name, sub_replication_sets text[], sub_forward_origins text[],"
    " sub_apply_delay interval, sub_origin_name name, bdr_subscription_mode character(1),"
    " subscription_status text, node_group_id oid, sub_id oid, origin_id oid, target_id oid,"
    " receive_lsn pg_lsn, receive_commit_lsn pg_lsn, last_xact_replay_lsn pg_lsn,"
    " last_xact_flush_lsn pg_lsn, last_xact_replay_timestamp timestamp with time zone",
    "global_locks": "origin_node_id oid, origin_node_name name, lock_type text, relation text, pid integer,"
    " acquire_stage text, waiters integer, global_lock_request_time timestamp with time zone,"
    " local_lock_request_time timestamp with time zone, last_state_change_time timestamp with time zone",
    "conflict_history_summary": "schema text, table text, local_time timestamp with time zone,"
    " local_tuple_commit_time timestamp with time zone, remote_commit_time timestamp with time zone,"
    " conflict_type text, conflict_resolution text",
}


@pytest.mark.parametrize("view", COLUMNS)
def test_a_view_has_the_columns_and_types_of_bdr_3_7(lab: Lab, view: str) -> None:
    found = ask(
        lab,
        "node1",
        "SELECT attname || ' ' || format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = %s::regclass ORDER BY attnum",
        f"bdr.{view}",
    )
    assert ", ".join(row[0] for row in found) == COLUMNS[view]


@pytest.mark.parametrize(
    "view",
    [
        *("node", "node_group", "node_summary", "local_node_summary", "node_slots", "subscription"),
        *("subscription_summary", "workers", "global_locks", "conflict_history_summary"),
    ],
)
def test_the_console_may_read_every_view(lab: Lab, view: str) -> None:
    shown = ask(lab, "node2", f"TABLE bdr.{view}", user="bdr_console")
    if view != "conflict_history_summary":  # as many as the tests before it have made
        assert bool(shown) != (view == "global_locks")


def test_every_node_knows_the_whole_group_as_active(lab: Lab) -> None:
    for node in NODES:
        rows = ask(
            lab,
            node,
            "SELECT node_name, peer_state_name FROM bdr.node_summary ORDER BY 1",
            user="bdr_console",
        )
        assert rows == [(name, "ACTIVE") for name in NODES]
        assert ask(lab, node, "SELECT node_name FROM bdr.local_node_info()", user="bdr_console") == [(node,)]


def test_every_link_streams_and_every_subscription_replicates(healthy_lab: Lab) -> None:
    for node in NODES:
        others = [name for name in NODES if name != node]
        slots = ask(
            healthy_lab,
            node,
            "SELECT target_name, active, state FROM bdr.node_slots ORDER BY 1",
            user="bdr_console",
        )
        assert slots == [(other, True, "streaming") for other in others]
        subscriptions = ask(
            healthy_lab,
            node,
            "SELECT origin_name, subscription_status, sub_forward_origins FROM bdr.subscription_summary"
            " ORDER BY origin_name",
            user="bdr_console",
        )
        assert subscriptions == [(other, "replicating", None) for other in others]


def test_the_last_replayed_commit_is_dated_by_its_origin(healthy_lab: Lab) -> None:
    ask(healthy_lab, "node3", "UPDATE counter SET n = n + 1 WHERE client = 103")
    committed = ask(
        healthy_lab, "node3", "SELECT pg_xact_commit_timestamp(xmin) FROM counter WHERE client = 103"
    )
    wait_until(
        lambda: (
            ask(
                healthy_lab,
                "node1",
                "SELECT last_xact_replay_timestamp FROM bdr.subscription_summary WHERE origin_name = 'node3'",
                user="bdr_console",
            )
            == committed
        ),
        "node1 shows the commit time that node3 recorded",
    )


def test_the_console_can_wait_for_the_slots_to_confirm(healthy_lab: Lab) -> None:
    ask(healthy_lab, "node1", "UPDATE counter SET n = n + 1 WHERE client = 104")
    at = ask(healthy_lab, "node1", "SELECT pg_current_wal_lsn()")[0][0]
    ask(healthy_lab, "node1", "SELECT bdr.wait_slot_confirm_lsn(NULL, %s)", at, user="bdr_console")
    assert ask(
        healthy_lab, "node1", "SELECT bool_and(confirmed_flush_lsn >= %s::pg_lsn) FROM bdr.node_slots", at
    ) == [(True,)]


def test_the_console_cannot_change_the_group(lab: Lab) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(lab, "node1", "SELECT bdr.create_node_group('mine')", user="bdr_console")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(lab, "node1", "UPDATE counter SET n = 0", user="bdr_console")


def test_a_stand_in_says_that_it_is_one(lab: Lab) -> None:
    assert ask(lab, "node1", "SELECT bdr.bdr_version()", user="bdr_console") == [("3.7.23-standin",)]
    assert ask(lab, "node1", "SELECT obj_description('bdr'::regnamespace)") == [("bdr-console lab stand-in",)]
    assert not ask(lab, "node1", "SELECT FROM pg_extension WHERE extname = 'bdr'")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("SELECT bdr.create_node('again', 'dbname=app')", "already a BDR node"),
        ("SELECT bdr.join_node_group('dbname=app')", "already in group lab"),
        ("SELECT bdr.wait_slot_confirm_lsn('nope', NULL)", 'no slot "nope"'),
    ],
)
def test_a_call_that_makes_no_sense_is_refused_in_words(lab: Lab, call: str, said: str) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match=said):
        ask(lab, "node1", call)
