-- pgactive: how far each peer has applied what this node wrote, as its walsender hears it.
SELECT n.node_name AS target_name, s.active, CASE WHEN s.active THEN r.replay_lsn END::text AS replay_lsn
  FROM pg_replication_slots s
 CROSS JOIN LATERAL pgactive.pgactive_parse_slot_name(s.slot_name) p
  LEFT JOIN pgactive.pgactive_nodes n
         ON (n.node_sysid, n.node_timeline, n.node_dboid) = (p.remote_sysid, p.remote_timeline, p.remote_dboid)
  LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid
 WHERE s.plugin = 'pgactive' AND s.database = current_database()
 ORDER BY n.node_name, s.slot_name;
