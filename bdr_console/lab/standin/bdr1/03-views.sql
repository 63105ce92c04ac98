-- A STAND-IN with the SQL interface of BDR 1.0 over pglogical 2. It is not BDR.
-- The views of BDR 1.0 with their names and column types.

-- pglogical's slots under the names that BDR would give them. pid is 1.0's name of the column, active_pid 2.0's.
CREATE VIEW bdr.pg_replication_slots AS
SELECT bdr.bdr_format_slot_name(n.node_sysid, n.node_timeline, n.node_dboid, l.dboid) AS slot_name,
       'bdr'::name AS plugin, s.slot_type, s.datoid, s.database, s.active, s.active_pid AS pid, s.active_pid, s.xmin,
       s.catalog_xmin, s.restart_lsn, s.confirmed_flush_lsn
  FROM bdr.bdr_nodes n
 CROSS JOIN bdr.bdr_get_local_nodeid() l
 CROSS JOIN pglogical.local_node me
  JOIN pglogical.node my ON my.node_id = me.node_id
  JOIN pg_replication_slots s
    ON s.slot_name = pglogical.pglogical_gen_slot_name(
         current_database()::name, my.node_name, bdr_standin.link_name(my.node_name::text, n.node_name))
 WHERE n.node_name <> my.node_name::text;

-- Inner join as in BDR: slots of nodes that are not members cannot be seen here.
CREATE VIEW bdr.bdr_node_slots AS
SELECT n.node_name, s.slot_name, s.restart_lsn AS slot_restart_lsn, s.confirmed_flush_lsn AS slot_confirmed_lsn,
       s.active AS walsender_active, s.pid AS walsender_pid, r.sent_lsn AS sent_location, r.write_lsn AS write_location,
       r.flush_lsn AS flush_location, r.replay_lsn AS replay_location
  FROM bdr.pg_replication_slots s
 CROSS JOIN LATERAL bdr.bdr_parse_slot_name(s.slot_name) p
  JOIN bdr.bdr_nodes n
    ON (n.node_sysid, n.node_timeline, n.node_dboid) = (p.remote_sysid, p.remote_timeline, p.remote_dboid)
  LEFT JOIN pg_stat_replication r ON r.pid = s.pid;

CREATE VIEW bdr.bdr_conflict_history AS
SELECT c.id AS conflict_id, l.sysid AS local_node_sysid, NULL::xid AS local_conflict_xid,
       NULL::pg_lsn AS local_conflict_lsn, c.at AS local_conflict_time, c.schema_name AS object_schema,
       c.table_name AS object_name, n.node_sysid AS remote_node_sysid, c.remote_xid AS remote_txid,
       c.remote_commit AS remote_commit_time, c.remote_lsn AS remote_commit_lsn,
       CASE WHEN c.operation = 'insert' THEN 'insert_insert' WHEN c.operation = 'delete' THEN 'delete_delete'
            WHEN c.missing THEN 'update_delete' ELSE 'update_update' END AS conflict_type,
       CASE c.resolution WHEN 'apply_remote' THEN 'last_update_wins_keep_remote'
            WHEN 'keep_local' THEN 'last_update_wins_keep_local' ELSE 'skip_change' END AS conflict_resolution,
       to_json(c.local_tuple) AS local_tuple, to_json(c.remote_tuple) AS remote_tuple,
       NULL::xid AS local_tuple_xmin, NULL::text AS local_tuple_origin_sysid, NULL::text AS error_message
  FROM bdr_standin.conflicts() c
 CROSS JOIN bdr.bdr_get_local_nodeid() l
  LEFT JOIN pglogical.subscription s ON s.sub_id = c.sub_id
  LEFT JOIN bdr.bdr_nodes n ON bdr_standin.link_name(n.node_name, bdr.bdr_get_local_node_name()) = s.sub_name;

-- pglogical counts nothing: only what its log shows is counted here, the rest is not known.
CREATE VIEW bdr.pg_stat_bdr AS
SELECT NULL::oid AS rep_node_id, NULL::oid AS rilocalid,
       format('bdr_%s_%s_%s_%s_', n.node_sysid, n.node_timeline, n.node_dboid, l.dboid) AS riremoteid,
       NULL::bigint AS nr_commit, NULL::bigint AS nr_rollback, NULL::bigint AS nr_insert,
       count(*) FILTER (WHERE c.conflict_type = 'insert_insert') AS nr_insert_conflict, NULL::bigint AS nr_update,
       count(*) FILTER (WHERE c.conflict_type LIKE 'update%') AS nr_update_conflict, NULL::bigint AS nr_delete,
       count(*) FILTER (WHERE c.conflict_type = 'delete_delete') AS nr_delete_conflict, NULL::bigint AS nr_disconnect
  FROM bdr.bdr_nodes n
 CROSS JOIN bdr.bdr_get_local_nodeid() l
  LEFT JOIN bdr.bdr_conflict_history c ON c.remote_node_sysid = n.node_sysid
 WHERE n.node_sysid <> l.sysid
 GROUP BY n.node_sysid, n.node_timeline, n.node_dboid, l.dboid;
