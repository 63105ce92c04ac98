-- A STAND-IN with the SQL interface of BDR 3.7 over pglogical 2. It is not BDR.
-- The views of BDR 3.7 with their names and column types.

CREATE VIEW bdr.node_group AS
SELECT g.node_group_id, g.node_group_name, NULL::oid AS node_group_default_repset, g.node_group_parent_id,
       0::int4 AS node_group_flags, NULL::uuid AS node_group_uuid, NULL::interval AS node_group_apply_delay,
       false AS node_group_check_constraints, 1::int4 AS node_group_num_writers
  FROM bdr_standin.node_group g;

-- BDR's numbers for the states are not public: the stand-in counts them in the order of the manual.
CREATE VIEW bdr.node AS
SELECT n.node_id, g.node_group_id, NULL::oid AS source_node_id,
       array_position(s.states, n.state)::oid AS node_state,
       array_position(s.states, n.target_state)::oid AS target_state,
       n.seq_id, n.dbname
  FROM bdr_standin.node n
  LEFT JOIN bdr_standin.node_group g USING (node_group_name)
 CROSS JOIN (SELECT ARRAY['NONE', 'CREATED', 'JOIN_START', 'JOINING', 'CATCHUP', 'STANDBY', 'PROMOTE', 'PROMOTING',
                          'ACTIVE', 'PART_START', 'PARTING', 'PART_CATCHUP', 'PARTED'] AS states) s;

CREATE VIEW bdr.node_summary AS
SELECT n.node_name, n.node_group_name, n.node_name AS interface_name, n.dsn AS interface_connstr,
       n.state AS peer_state_name, n.target_state AS peer_target_state_name, n.seq_id AS node_seq_id,
       n.dbname AS node_local_dbname, NULL::text AS set_repl_ops, NULL::text[] AS pub_repsets,
       NULL::text[] AS sub_repsets, n.node_id, g.node_group_id, i.if_id
  FROM bdr_standin.node n
  LEFT JOIN bdr_standin.node_group g USING (node_group_name)
  LEFT JOIN pglogical.node_interface i ON i.if_nodeid = n.node_id AND i.if_name = n.node_name;

CREATE VIEW bdr.local_node_summary AS
SELECT * FROM bdr.node_summary WHERE node_id = bdr_standin.local_node_id();

-- Outgoing. A disconnected peer: no client, positions fall back to what it confirmed last, lag from there to now.
CREATE VIEW bdr.node_slots AS
WITH peers AS (
  SELECT me.node_local_dbname, me.node_group_name, me.node_group_id, me.node_name, me.node_id, p.*
    FROM bdr.local_node_summary me CROSS JOIN bdr_standin.peer_slots() p
), slots AS (
  SELECT p.*, s.plugin, s.slot_type, s.datoid, s.database, s.temporary, s.active, s.active_pid, s.xmin, s.catalog_xmin,
         s.restart_lsn, s.confirmed_flush_lsn, r.usesysid, r.usename, r.application_name, r.client_addr,
         r.client_hostname, r.client_port, r.backend_start, coalesce(r.state, 'disconnected') AS state,
         coalesce(r.sent_lsn, s.confirmed_flush_lsn) AS sent_lsn,
         coalesce(r.write_lsn, s.confirmed_flush_lsn) AS write_lsn,
         coalesce(r.flush_lsn, s.confirmed_flush_lsn) AS flush_lsn,
         coalesce(r.replay_lsn, s.confirmed_flush_lsn) AS replay_lsn,
         r.write_lag, r.flush_lag, r.replay_lag
    FROM peers p
    JOIN pg_replication_slots s ON s.slot_name = p.slot_name
    LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid
), lags AS (
  SELECT slots.*,
         greatest(pg_wal_lsn_diff(here.lsn, sent_lsn), 0)::int8 AS sent_lag_bytes,
         greatest(pg_wal_lsn_diff(here.lsn, write_lsn), 0)::int8 AS write_lag_bytes,
         greatest(pg_wal_lsn_diff(here.lsn, flush_lsn), 0)::int8 AS flush_lag_bytes,
         greatest(pg_wal_lsn_diff(here.lsn, replay_lsn), 0)::int8 AS replay_lag_bytes
    FROM slots CROSS JOIN (SELECT pg_current_wal_lsn() AS lsn) here
)
SELECT node_local_dbname AS target_dbname, node_group_name, node_group_id, node_name AS origin_name, target_name,
       node_id AS origin_id, target_id, slot_name AS local_slot_name, slot_name, false AS is_group_slot,
       plugin, slot_type, datoid, database, temporary, active, active_pid, xmin, catalog_xmin, restart_lsn,
       confirmed_flush_lsn, usesysid, usename, application_name, client_addr, client_hostname, client_port,
       backend_start, state, sent_lsn, write_lsn, flush_lsn, replay_lsn, write_lag, flush_lag, replay_lag,
       sent_lag_bytes, write_lag_bytes, flush_lag_bytes, replay_lag_bytes,
       pg_size_pretty(sent_lag_bytes) AS sent_lag_size, pg_size_pretty(write_lag_bytes) AS write_lag_size,
       pg_size_pretty(flush_lag_bytes) AS flush_lag_size, pg_size_pretty(replay_lag_bytes) AS replay_lag_size
  FROM lags;

CREATE VIEW bdr.subscription AS
SELECT s.sub_id AS pgl_subscription_id, me.node_group_id AS nodegroup_id, s.sub_origin AS origin_node_id,
       s.sub_origin AS source_node_id, s.sub_target AS target_node_id, 'n'::"char" AS subscription_mode
  FROM pglogical.subscription s CROSS JOIN bdr.local_node_summary me;

-- Incoming. last_xact_flush_lsn is an LSN, as in BDR (its manual says timestamptz).
CREATE VIEW bdr.subscription_summary AS
SELECT me.node_group_name, s.sub_name, o.node_name AS origin_name, me.node_name AS target_name, s.sub_enabled,
       s.sub_slot_name, s.sub_replication_sets, s.sub_forward_origins, s.sub_apply_delay,
       s.sub_slot_name AS sub_origin_name, 'n'::char AS bdr_subscription_mode, live.status AS subscription_status,
       me.node_group_id, s.sub_id, s.sub_origin AS origin_id, s.sub_target AS target_id,
       NULL::pg_lsn AS receive_lsn, NULL::pg_lsn AS receive_commit_lsn, live.remote_lsn AS last_xact_replay_lsn,
       live.local_lsn AS last_xact_flush_lsn, live.last_commit AS last_xact_replay_timestamp
  FROM pglogical.subscription s
  JOIN bdr_standin.subscription_state() live USING (sub_id)
  JOIN pglogical.node o ON o.node_id = s.sub_origin
 CROSS JOIN bdr.local_node_summary me;

CREATE VIEW bdr.workers AS
SELECT a.pid AS worker_pid, w.role AS worker_role, w.name AS worker_role_name, w.sub::oid AS worker_subid,
       NULL::timestamptz AS worker_commit_timestamp, NULL::timestamptz AS worker_local_timestamp
  FROM pg_stat_activity a
 CROSS JOIN LATERAL (
   SELECT split_part(a.backend_type, ' ', 2) AS name,
          CASE split_part(a.backend_type, ' ', 2) WHEN 'manager' THEN 1 WHEN 'apply' THEN 2 WHEN 'sync' THEN 3 ELSE 0 END AS role,
          substring(a.backend_type FROM ':([0-9]+)') AS sub) w
 WHERE a.backend_type LIKE 'pglogical %';

-- pglogical has no global locks: always empty.
CREATE VIEW bdr.global_locks AS
SELECT NULL::oid AS origin_node_id, NULL::name AS origin_node_name, NULL::text AS lock_type, NULL::text AS relation,
       NULL::int4 AS pid, NULL::text AS acquire_stage, NULL::int4 AS waiters,
       NULL::timestamptz AS global_lock_request_time, NULL::timestamptz AS local_lock_request_time,
       NULL::timestamptz AS last_state_change_time
 WHERE false;

-- What pglogical has written to the server's log.
CREATE VIEW bdr.conflict_history AS
SELECT c.sub_id, NULL::xid AS local_xid, NULL::pg_lsn AS local_lsn, c.at AS local_time,
       c.remote_xid, c.remote_lsn AS remote_commit_lsn, c.remote_commit AS remote_commit_time,
       CASE WHEN c.operation = 'insert' THEN 'insert_exists'
            WHEN c.operation = 'delete' THEN CASE WHEN c.missing THEN 'delete_missing' ELSE 'delete_recently_updated' END
            WHEN c.missing THEN 'update_missing' ELSE 'update_origin_change' END AS conflict_type,
       CASE c.resolution WHEN 'apply_remote' THEN 'apply_remote' WHEN 'keep_local' THEN 'skip' ELSE c.resolution
       END AS conflict_resolution, NULL::regclass AS conflict_index,
       NULL::oid AS reloid, c.schema_name AS nspname, c.table_name AS relname, NULL::json AS key_tuple,
       to_json(c.remote_tuple) AS remote_tuple, to_json(c.local_tuple) AS local_tuple, NULL::json AS apply_tuple,
       NULL::xid AS local_tuple_xmin, NULL::oid AS local_tuple_node_id, c.local_commit AS local_tuple_commit_time
  FROM bdr_standin.conflicts() c;

CREATE VIEW bdr.conflict_history_summary AS
SELECT nspname AS "schema", relname AS "table", local_time, local_tuple_commit_time, remote_commit_time,
       conflict_type, conflict_resolution
  FROM bdr.conflict_history;

CREATE VIEW bdr.replication_sets AS
SELECT s.set_id, s.set_name, s.replicate_insert, s.replicate_update, s.replicate_delete, s.replicate_truncate
  FROM pglogical.replication_set s
  JOIN pglogical.local_node l ON l.node_id = s.set_nodeid;

CREATE VIEW bdr.tables AS
SELECT c.oid AS relid, n.nspname, c.relname, s.set_name, NULL::text AS row_filter
  FROM pglogical.replication_set_table t
  JOIN bdr.replication_sets s ON s.set_id = t.set_id
  JOIN pg_class c ON c.oid = t.set_reloid
  JOIN pg_namespace n ON n.oid = c.relnamespace;
