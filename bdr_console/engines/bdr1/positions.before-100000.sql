-- BDR 1.0 on PostgreSQL 9.4 and 2.0 on 9.6: how far each peer has applied what this node wrote, as its walsender
-- hears it.
SELECT n.node_name AS target_name, s.active, CASE WHEN s.active THEN r.replay_location END::text AS replay_lsn
  FROM bdr.pg_replication_slots s
 CROSS JOIN LATERAL (SELECT row_to_json(s) AS slot) j
 CROSS JOIN LATERAL bdr.bdr_parse_slot_name(s.slot_name) p
  LEFT JOIN bdr.bdr_nodes n
         ON (n.node_sysid, n.node_timeline, n.node_dboid) = (p.remote_sysid, p.remote_timeline, p.remote_dboid)
  LEFT JOIN pg_stat_replication r ON r.pid = coalesce(j.slot ->> 'pid', j.slot ->> 'active_pid')::int
 WHERE s.plugin = 'bdr' AND s.database = current_database()
 ORDER BY n.node_name, s.slot_name;
