-- PostgreSQL 9.4 to 9.6: how far the reader of each logical slot has applied what this server wrote.
SELECT NULL::text AS target_name, s.active, r.replay_location::text AS replay_lsn
  FROM pg_replication_slots s
 CROSS JOIN LATERAL (SELECT row_to_json(s) AS slot) j
  LEFT JOIN pg_stat_replication r ON r.pid = (j.slot ->> 'active_pid')::int
 WHERE s.slot_type = 'logical'
 ORDER BY s.slot_name;
