-- BDR 2.0 where it was carried to PostgreSQL 10 and later: how far each peer has applied what this node wrote, as
-- its walsender hears it.
SELECT n.node_name AS target_name, s.active, CASE WHEN s.active THEN r.replay_lsn END::text AS replay_lsn
  FROM bdr.pg_replication_slots s
 CROSS JOIN LATERAL (SELECT to_jsonb(s) AS slot) j
 CROSS JOIN LATERAL bdr.bdr_parse_slot_name(s.slot_name) p
  LEFT JOIN bdr.bdr_nodes n
         ON (n.node_sysid, n.node_timeline, n.node_dboid) = (p.remote_sysid, p.remote_timeline, p.remote_dboid)
  LEFT JOIN pg_stat_replication r ON r.pid = coalesce(j.slot ->> 'active_pid', j.slot ->> 'pid')::int
 WHERE s.plugin = 'bdr' AND s.database = current_database()
 ORDER BY n.node_name, s.slot_name;
