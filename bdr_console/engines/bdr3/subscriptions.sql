-- BDR 3.6 to PGD 6: what this node receives, and from whom; needs bdr_read_all_stats.
SELECT sub_id, sub_name, origin_name, sub_enabled, subscription_status, last_xact_replay_timestamp,
       sub_slot_name, sub_replication_sets::text[] AS replication_sets,
       extract(epoch FROM sub_apply_delay)::float8 AS apply_delay,
       to_jsonb(s) ->> 'receive_lsn'               AS received_lsn
  FROM bdr.subscription_summary s
 ORDER BY origin_name, sub_name;
