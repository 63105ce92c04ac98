-- Settings that matter for replication, durability, timeouts and limits, to be compared between nodes. PostgreSQL 9.4 and later; needs
-- pg_monitor (or pg_read_all_settings) for some. Left out: every text of an extension, which may
-- hold a connection string. What this session has set for itself is shown as it was before (reset_val).
SELECT name,
       own || CASE WHEN unit IS NULL OR own IN ('0', '-1') THEN ''
                       WHEN unit IN ('8kB', '16MB', '4kB', '1MB', '16kB', '32kB') THEN ' x ' || unit
                       ELSE ' ' || unit END               AS value,
       to_json(s) ->> 'pending_restart' = 'true'          AS restart
  FROM pg_settings s
 CROSS JOIN LATERAL (SELECT CASE WHEN s.source = 'session' THEN s.reset_val ELSE s.setting END AS own) v
 WHERE source <> 'client'
   AND (name IN ('wal_level', 'max_wal_senders', 'max_replication_slots', 'max_worker_processes',
                 'max_logical_replication_workers', 'max_sync_workers_per_subscription',
                 'max_parallel_apply_workers_per_subscription', 'synchronous_commit', 'synchronous_standby_names',
                 'fsync', 'full_page_writes', 'wal_log_hints', 'wal_sender_timeout', 'wal_receiver_timeout',
                 'max_slot_wal_keep_size', 'idle_replication_slot_timeout', 'wal_keep_size', 'wal_keep_segments',
                 'max_wal_size', 'checkpoint_timeout', 'track_commit_timestamp', 'shared_preload_libraries',
                 'max_connections', 'superuser_reserved_connections', 'reserved_connections',
                 'max_prepared_transactions', 'idle_in_transaction_session_timeout', 'idle_session_timeout',
                 'transaction_timeout', 'deadlock_timeout', 'logical_decoding_work_mem', 'shared_buffers', 'work_mem',
                 'default_transaction_isolation', 'default_transaction_deferrable', 'hot_standby_feedback',
                 'output_plugin_libraries', 'session_replication_role', 'server_encoding', 'lc_collate')
        OR (name ~ '^(bdr|pglogical|pgactive|spock)\.' AND vartype <> 'string'))
 ORDER BY name
 LIMIT 120;
