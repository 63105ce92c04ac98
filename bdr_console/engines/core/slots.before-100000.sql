-- PostgreSQL 9.4 to 9.6: replication slots. Which walsender serves one is shown from 9.5 on, its confirmed
-- position from 9.6 on; columns that a version lacks are looked up as JSON, where a missing one is NULL.
SELECT s.slot_name, NULL::text AS target_name, s.active, (j.slot ->> 'active_pid')::int AS active_pid, r.state,
       greatest(0, pg_xlog_location_diff(here.lsn,
                coalesce(r.replay_location, (j.slot ->> 'confirmed_flush_lsn')::pg_lsn, s.restart_lsn)))::bigint AS lag_bytes,
       greatest(0, pg_xlog_location_diff(here.lsn, s.restart_lsn))::bigint AS retained_bytes,
       NULL::float8 AS lag_seconds,
       j.slot ->> 'confirmed_flush_lsn' AS confirmed_lsn, s.plugin,
       coalesce(r.replay_location, (j.slot ->> 'confirmed_flush_lsn')::pg_lsn, s.restart_lsn)::text AS applied_lsn
  FROM pg_replication_slots s
 CROSS JOIN LATERAL (SELECT row_to_json(s) AS slot) j
  LEFT JOIN pg_stat_replication r ON r.pid = (j.slot ->> 'active_pid')::int
 CROSS JOIN (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_xlog_replay_location()
                         ELSE pg_current_xlog_insert_location() END AS lsn) here
 ORDER BY s.slot_name;
