-- BDR 3.6 to PGD 6: what this node sends to each peer; needs bdr_read_all_stats. The group slot and decoder slots
-- (marked from PGD 4 on) are no peer's. Lag is measured to the insert position, so it grows for a dead peer too; the
-- view's own replay_lag_bytes wraps at 2 GiB before 3.6.31. A NULL replay_lag with nothing outstanding is no lag.
SELECT s.slot_name, s.target_name, s.active, s.active_pid, s.state,
       greatest(0, pg_wal_lsn_diff(here.lsn, coalesce(s.replay_lsn, s.confirmed_flush_lsn)))::bigint AS lag_bytes,
       greatest(0, pg_wal_lsn_diff(here.lsn, s.restart_lsn))::bigint                                 AS retained_bytes,
       CASE WHEN s.replay_lag IS NULL AND s.active AND s.replay_lsn >= s.sent_lsn THEN 0
            ELSE extract(epoch FROM s.replay_lag) END::float8                                        AS lag_seconds,
       s.confirmed_flush_lsn::text                                                                   AS confirmed_lsn,
       s.plugin, to_jsonb(p) ->> 'wal_status'                                                        AS wal_status,
       coalesce(s.replay_lsn, s.confirmed_flush_lsn)::text                                          AS applied_lsn
  FROM bdr.node_slots s
  LEFT JOIN pg_replication_slots p ON p.slot_name = s.slot_name
 CROSS JOIN (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                         ELSE pg_current_wal_insert_lsn() END AS lsn) here
 WHERE NOT s.is_group_slot
   AND NOT coalesce((to_jsonb(s) ->> 'is_decoder_slot')::boolean, false)
 ORDER BY s.target_name, s.slot_name;
