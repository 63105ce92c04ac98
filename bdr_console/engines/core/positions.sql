-- Any PostgreSQL from 10 on: how far the reader of each logical slot has applied what this server wrote.
SELECT NULL::text AS target_name, s.active, r.replay_lsn::text AS replay_lsn
  FROM pg_replication_slots s
  LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid
 WHERE s.slot_type = 'logical' AND NOT s.temporary
 ORDER BY s.slot_name;
