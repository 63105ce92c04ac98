-- The server itself. PostgreSQL 10 and later; any role.
-- read_only: what new sessions get. The console's own session is read-only by SET. set_config with NULL tells what it
-- was before, for this statement alone (pg_settings tells it too, at twenty times the price); where the console's role
-- has a setting of its own, only the database's setting tells of the others.
SELECT pg_is_in_recovery()                         AS in_recovery,
       (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
             ELSE pg_current_wal_insert_lsn() END)::text AS wal_lsn,
       (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
             ELSE pg_current_wal_flush_lsn() END)::text  AS flushed_lsn,
       pg_postmaster_start_time()                  AS started_at,
       clock_timestamp()                           AS clock,
       current_database()::text                    AS database,
       current_setting('max_connections')::int     AS max_connections,
       (SELECT count(*) FROM pg_prepared_xacts) AS prepared_transactions,
       CASE WHEN EXISTS (SELECT 1
                           FROM pg_db_role_setting d, unnest(d.setconfig) c
                          WHERE d.setrole = (SELECT oid FROM pg_roles WHERE rolname = session_user)
                            AND c LIKE 'default_transaction_read_only=%')
            THEN EXISTS (SELECT 1
                           FROM pg_db_role_setting d, unnest(d.setconfig) c
                          WHERE d.setrole = 0
                            AND d.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
                            AND c = 'default_transaction_read_only=on')
            ELSE set_config('default_transaction_read_only', NULL, true) = 'on'
       END                                         AS read_only;
