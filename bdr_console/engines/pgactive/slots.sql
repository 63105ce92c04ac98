-- pgactive: what this node sends to each peer. A slot without a member (target_name is NULL) is of a join under way,
-- of one that failed, or of a node that was forgotten. pgactive's own lag function is not used: it connects to every
-- node and hangs for 30 s on a frozen one. Needs pg_monitor, EXECUTE on pgactive_parse_slot_name, and SELECT on the
-- columns of pgactive_nodes that members.sql reads.
SELECT s.slot_name, n.node_name AS target_name, s.active, s.active_pid, r.state,
       greatest(0, here.lsn - coalesce(r.replay_lsn, s.confirmed_flush_lsn, s.restart_lsn))::bigint AS lag_bytes,
       greatest(0, here.lsn - s.restart_lsn)::bigint                                                AS retained_bytes,
       CASE WHEN r.replay_lag IS NULL AND s.active AND r.replay_lsn >= r.sent_lsn THEN 0
            ELSE extract(epoch FROM r.replay_lag) END::float8                                       AS lag_seconds,
       s.confirmed_flush_lsn::text AS confirmed_lsn, s.plugin, to_jsonb(s) ->> 'wal_status' AS wal_status,
       coalesce(r.replay_lsn, s.confirmed_flush_lsn, s.restart_lsn)::text AS applied_lsn
  FROM pg_replication_slots s
 CROSS JOIN LATERAL pgactive.pgactive_parse_slot_name(s.slot_name) p
 CROSS JOIN (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                         ELSE pg_current_wal_insert_lsn() END AS lsn) here
  LEFT JOIN pgactive.pgactive_nodes n
         ON (n.node_sysid, n.node_timeline, n.node_dboid) = (p.remote_sysid, p.remote_timeline, p.remote_dboid)
  LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid
 WHERE s.plugin = 'pgactive' AND s.database = current_database()
 ORDER BY n.node_name, s.slot_name;
