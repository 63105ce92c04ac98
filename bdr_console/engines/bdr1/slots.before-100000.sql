-- BDR 1.0 on PostgreSQL 9.4 and 2.0 on 9.6: what this node sends to each peer. The view of schema bdr adds what the
-- core of 9.4 lacks; its column pid is active_pid from 2.0 on, so it is looked up as JSON. A slot without a member
-- (target_name is NULL) is of a join under way, of one that failed, or of a node that was forgotten.
-- Needs SELECT on bdr.pg_replication_slots and on the columns of bdr.bdr_nodes that members.sql reads.
SELECT s.slot_name, n.node_name AS target_name, s.active, w.pid AS active_pid, r.state,
       greatest(0, here.lsn - coalesce(r.replay_location, s.confirmed_flush_lsn, s.restart_lsn))::bigint AS lag_bytes,
       greatest(0, here.lsn - s.restart_lsn)::bigint                                                     AS retained_bytes,
       NULL::float8 AS lag_seconds,
       s.confirmed_flush_lsn::text AS confirmed_lsn, s.plugin,
       coalesce(r.replay_location, s.confirmed_flush_lsn, s.restart_lsn)::text AS applied_lsn
  FROM bdr.pg_replication_slots s
 CROSS JOIN LATERAL (SELECT row_to_json(s) AS slot) j
 CROSS JOIN LATERAL (SELECT coalesce(j.slot ->> 'pid', j.slot ->> 'active_pid')::int AS pid) w
 CROSS JOIN LATERAL bdr.bdr_parse_slot_name(s.slot_name) p
 CROSS JOIN (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_xlog_replay_location()
                         ELSE pg_current_xlog_insert_location() END AS lsn) here
  LEFT JOIN bdr.bdr_nodes n
         ON (n.node_sysid, n.node_timeline, n.node_dboid) = (p.remote_sysid, p.remote_timeline, p.remote_dboid)
  LEFT JOIN pg_stat_replication r ON r.pid = w.pid
 WHERE s.plugin = 'bdr' AND s.database = current_database()
 ORDER BY n.node_name, s.slot_name;
