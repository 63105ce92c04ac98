-- PostgreSQL 10 and later: every replication slot and the walsender that serves it; needs pg_monitor. Slots name no node:
-- whose they are is found out by the subscriptions of the others. Lag is measured to the insert position.
SELECT s.slot_name, NULL::text AS target_name, s.active, s.active_pid, r.state,
       greatest(0, pg_wal_lsn_diff(here.lsn, coalesce(r.replay_lsn, s.confirmed_flush_lsn, s.restart_lsn)))::bigint AS lag_bytes,
       greatest(0, pg_wal_lsn_diff(here.lsn, s.restart_lsn))::bigint                                 AS retained_bytes,
       CASE WHEN r.replay_lag IS NULL AND s.active AND r.replay_lsn >= r.sent_lsn THEN 0
            ELSE extract(epoch FROM r.replay_lag) END::float8                                        AS lag_seconds,
       s.confirmed_flush_lsn::text                                                                   AS confirmed_lsn,
       s.plugin, to_jsonb(s) ->> 'wal_status'                                                        AS wal_status,
       coalesce(r.replay_lsn, s.confirmed_flush_lsn, s.restart_lsn)::text                            AS applied_lsn
  FROM pg_replication_slots s
  LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid
 CROSS JOIN (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                         ELSE pg_current_wal_insert_lsn() END AS lsn) here
 WHERE NOT s.temporary
 ORDER BY s.slot_name;
