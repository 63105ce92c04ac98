-- The server itself. PostgreSQL 9.4 to 9.6; any role. Before 9.6 nothing tells how far the WAL is flushed, but how far it
-- is written. set_config with NULL tells what new sessions get, and changes
-- nothing beyond this statement.
SELECT pg_is_in_recovery()                         AS in_recovery,
       (CASE WHEN pg_is_in_recovery() THEN pg_last_xlog_replay_location()
             ELSE pg_current_xlog_insert_location() END)::text AS wal_lsn,
       (CASE WHEN pg_is_in_recovery() THEN pg_last_xlog_replay_location()
             ELSE pg_current_xlog_location() END)::text  AS flushed_lsn,
       pg_postmaster_start_time()                  AS started_at,
       clock_timestamp()                           AS clock,
       current_database()::text                    AS database,
       current_setting('max_connections')::int     AS max_connections,
       (SELECT count(*) FROM pg_prepared_xacts) AS prepared_transactions,
       set_config('default_transaction_read_only', NULL, true) = 'on' AS read_only;
