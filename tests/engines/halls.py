"""The halls of the museum: where the views of each engine's captures belong."""

from pathlib import Path

from tests.engines.museum import Hall

CAPTURES = Path(__file__).parent.parent / "captures"

_FROM_SLOT_LAG = """
SELECT slot_name, 'bdr' AS plugin, 'app' AS database, active, pid, restart_lsn, confirmed_flush_lsn
  FROM museum.slot_lag
"""
_FROM_NODE_SLOTS = """
SELECT slot_name, 'bdr' AS plugin, 'app' AS database, walsender_active AS active, walsender_pid AS pid,
       slot_restart_lsn AS restart_lsn, slot_confirmed_lsn AS confirmed_flush_lsn
  FROM bdr.bdr_node_slots
"""
_SENDERS_OF_NODE_SLOTS = """
SELECT walsender_pid AS pid, 'streaming' AS state, sent_location, replay_location
  FROM bdr.bdr_node_slots
 WHERE walsender_pid IS NOT NULL
"""
_SENDERS_OF_SLOT_LAG = """
SELECT pid, state, confirmed_flush_lsn AS sent_location, confirmed_flush_lsn AS replay_location
  FROM museum.slot_lag
 WHERE pid IS NOT NULL
"""
_CHUNKS = """
SELECT owning_sysid, 1 AS owning_tlid, 16385 AS owning_dboid, seqschema, seqname,
       int8range(n * 10000 + 1, (n + 1) * 10000 + 1) AS seqrange, true AS confirmed, n <= emptied AS emptied
  FROM museum.sequences_by_owner
 CROSS JOIN LATERAL generate_series(1, chunks::int) n
"""
_FROM_LAG_INFO = """
SELECT active_pid AS pid, 'streaming' AS state, sent_lsn, replay_lsn
  FROM pgactive.lag_info
 WHERE active_pid IS NOT NULL
"""

BDR1 = Hall(
    schema="bdr",
    captures=CAPTURES / "bdr1",
    relations={
        "bdr_pg_replication_slots": "bdr.pg_replication_slots",
        "pg_stat_bdr": "bdr.pg_stat_bdr",
        "bdr_sequence_values": "museum.sequences_by_owner",
        "bdr_sequence_values_raw": "bdr.bdr_sequence_values",
        "apply_workers": "museum.apply_workers",
    },
    types={
        "seqrange": "int8range",
        "bdr_sequence_values.in_use": "integer",
        "bdr_sequence_values.emptied": "integer",
    },
    substitutes={
        "bdr_pg_replication_slots": (("slot_lag", _FROM_SLOT_LAG), ("bdr_node_slots", _FROM_NODE_SLOTS)),
        "bdr_sequence_values_raw": (("bdr_sequence_values", _CHUNKS),),
        "pg_stat_replication": (
            ("bdr_node_slots", _SENDERS_OF_NODE_SLOTS),
            ("slot_lag", _SENDERS_OF_SLOT_LAG),
        ),
    },
    stale={"pg_stat_activity": "DELETE FROM museum.pg_stat_activity_rows WHERE _client_port IS NOT NULL"},
    shared=(CAPTURES / "bdr1" / "apply_pids.csv",),
    stand_ins=(CAPTURES / "bdr1" / "stand_ins.sql").read_text("utf-8"),
)

PGACTIVE = Hall(
    schema="pgactive",
    captures=CAPTURES / "pgactive",
    relations={
        "stats": "pgactive.pgactive_stats",
        "global_locks_info": "pgactive.pgactive_global_locks_info",
        "conflict_history": "pgactive.pgactive_conflict_history",
    },
    substitutes={"pg_stat_replication": (("lag_info", _FROM_LAG_INFO),)},
    stand_ins=(CAPTURES / "pgactive" / "stand_ins.sql").read_text("utf-8"),
)

_COUNTERS = (
    "confl_insert_exists", "confl_update_origin_differs", "confl_update_exists", "confl_update_missing",
    "confl_delete_origin_differs", "confl_delete_missing", "confl_multiple_unique_conflicts",
)  # fmt: skip

NATIVE = Hall(
    schema="native",
    captures=CAPTURES / "native",
    database="shop",
    relations={
        "pg_subscription": "museum.captured_subscription",
        "pg_subscription_rel": "museum.captured_subscription_rel",
    },
    types={
        **dict.fromkeys(("oid", "subid", "srsubid", "subdbid"), "oid"),
        **dict.fromkeys(("relnamespace", "prpubid", "prrelid", "attrelid"), "oid"),
        **dict.fromkeys(("relkind", "relpersistence", "attgenerated"), '"char"'),
        **dict.fromkeys(("relname", "nspname", "pubname", "schemaname", "tablename"), "name"),
        **dict.fromkeys(("puballtables", "pubinsert", "pubupdate", "pubdelete", "pubtruncate"), "boolean"),
        **dict.fromkeys(("attisdropped", "subdisableonerr"), "boolean"),
        **dict.fromkeys(_COUNTERS, "bigint"),
        "attnum": "smallint",
        "prattrs": "int2vector",
        "subpublications": "text[]",
        "blocked_by": "int[]",
        "waitstart": "timestamptz",
        "prepared": "timestamptz",
    },
    stand_ins=(CAPTURES / "native" / "stand_ins.sql").read_text("utf-8"),
)
