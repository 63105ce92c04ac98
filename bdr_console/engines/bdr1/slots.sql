-- BDR 2.0 where it was carried to PostgreSQL 10 and later: what this node sends to each peer. The view of schema bdr
-- calls the column active_pid or, as in 1.0, pid, so it is looked up as JSON. A slot without a member (target_name is
-- NULL) is of a join under way, of one that failed, or of a node that was forgotten.
-- Needs pg_monitor, SELECT on bdr.pg_replication_slots and on the columns of bdr.bdr_nodes that members.sql reads.
SELECT s.slot_name, n.node_name AS target_name, s.active, w.pid AS active_pid, r.state,
       greatest(0, here.lsn - coalesce(r.replay_lsn, s.confirmed_flush_lsn, s.restart_lsn))::bigint AS lag_bytes,
       greatest(0, here.lsn - s.restart_lsn)::bigint                                                AS retained_bytes,
       CASE WHEN r.replay_lag IS NULL AND s.active AND r.replay_lsn >= r.sent_lsn THEN 0
            ELSE extract(epoch FROM r.replay_lag) END::float8                                       AS lag_seconds,
       s.confirmed_flush_lsn::text AS confirmed_lsn, s.plugin,
       coalesce(r.replay_lsn, s.confirmed_flush_lsn, s.restart_lsn)::text AS applied_lsn
  FROM bdr.pg_replication_slots s
 CROSS JOIN LATERAL (SELECT to_jsonb(s) AS slot) j
 CROSS JOIN LATERAL (SELECT coalesce(j.slot ->> 'active_pid', j.slot ->> 'pid')::int AS pid) w
 CROSS JOIN LATERAL bdr.bdr_parse_slot_name(s.slot_name) p
 CROSS JOIN (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                         ELSE pg_current_wal_insert_lsn() END AS lsn) here
  LEFT JOIN bdr.bdr_nodes n
         ON (n.node_sysid, n.node_timeline, n.node_dboid) = (p.remote_sysid, p.remote_timeline, p.remote_dboid)
  LEFT JOIN pg_stat_replication r ON r.pid = w.pid
 WHERE s.plugin = 'bdr' AND s.database = current_database()
 ORDER BY n.node_name, s.slot_name;
