-- How far this server's WAL reaches. PostgreSQL 9.4 to 9.6; any role.
SELECT pg_current_xlog_insert_location()::text AS insert_lsn;
