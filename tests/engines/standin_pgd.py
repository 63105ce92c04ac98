"""BDR 3.7 to PGD 6 as their manuals show them: stand-in tables, rows made by hand, the engine's statements
over them. What the product really shows in these states nobody here has seen."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import psycopg
from psycopg import sql
from psycopg.rows import DictRow, dict_row

from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.table_sets import CHANGES
from bdr_console.engines.bdr3 import KIND
from bdr_console.engines.detect import DETECT, kind_of
from bdr_console.engines.engine import Engine, identity
from bdr_console.links.postgres import Rows, Unreadable
from tests.links.servers import Postgres

NODES = ("n1", "n2", "n3")
VERSIONS = ("bdr_3_7", "pgd_4", "pgd_5", "pgd_6")
NOW = datetime.now(UTC)

Tables = dict[str, list[dict[str, Any]]]
"""The rows of each table of schema bdr."""
Change = Callable[[Tables, str], None]
"""Makes a state of a healthy node: gets its tables and its name."""

_FOLDER = Path(__file__).parent / "standins"
_CHANGES = tuple(f"replicate_{change}" for change in CHANGES)
_WAL = """
-- WAL as it was written: the same for every node.
CREATE SCHEMA museum;
CREATE FUNCTION museum.pg_current_wal_insert_lsn() RETURNS pg_lsn LANGUAGE sql
    AS $$ SELECT '0/5000000'::pg_lsn $$;
CREATE FUNCTION museum.pg_current_wal_flush_lsn() RETURNS pg_lsn LANGUAGE sql
    AS $$ SELECT '0/5000000'::pg_lsn $$;
SET search_path = museum, pg_catalog;
"""


def healthy(version: str, me: str) -> Tables:
    """One node of three at ease."""
    tables: Tables = {
        "standin_local": [{"node_name": me}],
        "node_summary": [member(name) for name in NODES],
        "node_slots": [group_slot(), *(slot(me, peer) for peer in NODES if peer != me)],
        "subscription_summary": [subscription(me, peer) for peer in NODES if peer != me],
        "stat_subscription": [applying(me, peer) for peer in NODES if peer != me],
        "workers": [worker(peer, version) for peer in NODES if peer != me],
        "sequences": [{"nspname": "public", "relname": "orders_id_seq", "seqkind": "galloc"}],
        "replication_sets": [{"set_name": "g", **dict.fromkeys(_CHANGES, True)}],
        "tables": [{"nspname": "app", "relname": "orders", "set_name": "g"}],
    }
    if version != "pgd_6":
        state = "RAFT_LEADER" if me == "n1" else "RAFT_FOLLOWER"
        tables["standin_raft"] = [raft(state, leader="n1")]
    else:
        tables["stat_raft_state"] = [
            {"group_name": "g", "raft_stat": "LEADER" if me == "n1" else "FOLLOWER", "leader_name": "n1",
             "current_term": 7, "nnodes": 3, "nvoting_nodes": 3}
        ]  # fmt: skip
    if version != "bdr_3_7":
        tables["node_replication_rates"] = [
            {"target_name": peer, "catchup_interval": timedelta(0)} for peer in NODES if peer != me
        ]
    if version in ("pgd_5", "pgd_6"):
        routed = "enable_proxy_routing" if version == "pgd_5" else "enable_routing"
        tables["node_group_summary"] = [
            {"node_group_name": "g", "node_group_type": "global", routed: False},
            {"node_group_name": "dc1", "parent_group_name": "g", "node_group_type": "data", routed: True},
        ]
        tables["node_group_routing_summary"] = [
            {
                "node_group_name": "dc1",
                "write_lead": "n1",
                "previous_write_lead": "n2",
                "read_nodes": ["n2", "n3"],
            }
        ]
        tables["node_routing_config_summary"] = [{"node_name": n, "route_fence": False} for n in NODES]
        for row in tables["node_summary"]:
            row["node_kind_name"] = "data"
    return tables


def member(name: str, state: str = "ACTIVE", target: str = "ACTIVE") -> dict[str, Any]:
    """A row of node_summary. Its DSN holds a secret, which must not come out anywhere."""
    return {
        "node_name": name, "node_group_name": "g", "peer_state_name": state, "peer_target_state_name": target,
        "node_id": _id(name), "interface_connstr": f"host={name} password=hunter2",
    }  # fmt: skip


def slot(me: str, peer: str) -> dict[str, Any]:
    """A peer's slot, 4 KiB behind."""
    return {
        "origin_name": me, "target_name": peer, "slot_name": f"bdr_app_g_{peer}", "is_group_slot": False,
        "plugin": "pglogical_output", "active": True, "active_pid": 100 + _id(peer), "state": "streaming",
        "restart_lsn": "0/4FF0000", "confirmed_flush_lsn": "0/4FFF000", "sent_lsn": "0/4FFF000",
        "replay_lsn": "0/4FFF000", "replay_lag": timedelta(milliseconds=20),
    }  # fmt: skip


def group_slot() -> dict[str, Any]:
    """The group's own slot, inactive as it always is."""
    return {"slot_name": "bdr_app_g", "is_group_slot": True, "active": False, "restart_lsn": "0/1000000"}


def subscription(me: str, peer: str) -> dict[str, Any]:
    """A row of subscription_summary."""
    return {
        "sub_name": f"bdr_app_g_{peer}_{me}", "origin_name": peer, "target_name": me, "sub_enabled": True,
        "sub_slot_name": f"bdr_app_g_{me}", "sub_replication_sets": ["g"], "sub_apply_delay": timedelta(0),
        "subscription_status": "replicating", "sub_id": 1000 + _id(peer), "receive_lsn": "0/4FFF000",
        "last_xact_replay_timestamp": NOW,
    }  # fmt: skip


def applying(me: str, peer: str) -> dict[str, Any]:
    """A row of stat_subscription."""
    return {"sub_name": f"bdr_app_g_{peer}_{me}", "nerror": 0, "nretries": 0, "retries_at_same_lsn": 0}


def worker(peer: str, version: str) -> dict[str, Any]:
    """The worker that applies what `peer` sends."""
    role = "apply" if version == "bdr_3_7" else "receiver"
    return {"worker_pid": 200 + _id(peer), "worker_role_name": role, "worker_subid": 1000 + _id(peer)}


def raft(state: str, leader: str | None) -> dict[str, Any]:
    """The row of get_raft_status()."""
    told = {"state": state, "leader_id": _id(leader) if leader else None, "current_term": 7, "nodes": 3}
    return {"status": json.dumps({**told, "voting_nodes": 3, "protocol_version": 4000})}


def _id(name: str) -> int:
    return int(name.removeprefix("n"))


class Standin:
    """Reads nodes of the stand-ins, each version in a database of its own; close it at the end."""

    def __init__(self, connections: Mapping[str, psycopg.Connection[DictRow]]) -> None:
        self._connections = connections

    @classmethod
    def on(cls, server: Postgres) -> Self:
        """Put up every version on that server."""
        server.run(*(f"CREATE DATABASE {version}" for version in VERSIONS))
        made = {}
        for version in VERSIONS:
            made[version] = psycopg.connect(server.dsn(database=version), row_factory=dict_row)
            made[version].execute((_FOLDER / f"{version}.sql").read_bytes())
            made[version].execute(_WAL)
            made[version].commit()
        return cls(made)

    def close(self) -> None:
        """End the sessions."""
        for connection in self._connections.values():
            connection.close()

    def read(self, version: str, tables: Mapping[str, list[dict[str, Any]]]) -> NodeFacts:
        """One reading of one node: detection, then every statement, as the probe does it."""
        connection = self._connections[version]
        try:
            for table, rows in tables.items():
                for row in rows:
                    _insert(connection, table, row)
            engine = _engine(connection)
            asked = {**engine.statements(), **engine.seldom()}
            return engine.facts({name: _asked(connection, text) for name, text in asked.items()})
        finally:
            connection.rollback()

    def cluster(self, version: str, change: Change, down: tuple[str, ...] = ()) -> Snapshot:
        """Three nodes after `change`; those `down` refuse connections."""
        nodes = tuple(self._observed(version, name, change, name in down) for name in NODES)
        return Snapshot("standin", "test", NOW, 1.0, nodes, (), ())

    def _observed(self, version: str, name: str, change: Change, down: bool) -> Observed[NodeFacts]:
        if down:
            return Observed(name, f"{name}:5432", error="connection refused")
        tables = healthy(version, name)
        change(tables, name)
        # The three were not read at one moment: on a slow machine their clocks would differ. And they stand
        # for three servers, each started at a moment of its own.
        started = NOW - timedelta(days=1, seconds=NODES.index(name))
        facts = replace(self.read(version, tables), clock=NOW, started_at=started)
        return Observed(name, f"{name}:5432", facts, NOW, took_ms=1.0)


def _engine(connection: psycopg.Connection[DictRow]) -> Engine:
    row = connection.execute(DETECT.encode()).fetchone()
    assert row is not None
    found = identity(row)
    kind = kind_of(found)
    assert kind is KIND
    told = connection.execute(kind.version.encode()).fetchone()
    return kind.make(found, told["version"] if told else None)


def _asked(connection: psycopg.Connection[DictRow], text: str) -> Rows | Unreadable:
    try:
        with connection.transaction():
            return connection.execute(text.encode()).fetchall()
    except psycopg.Error as error:
        return Unreadable(error.diag.message_primary or str(error), error.sqlstate or "")


def _insert(connection: psycopg.Connection[DictRow], table: str, row: Mapping[str, Any]) -> None:
    into = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier("bdr", table),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join([sql.Placeholder()] * len(row)),
    )
    connection.execute(into, list(row.values()))
