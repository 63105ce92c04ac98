-- How far this server's WAL reaches. PostgreSQL 10 and later; any role. Asked before the peers' positions, so
-- that a peer found at or behind it has applied everything that was committed here before the question.
SELECT pg_current_wal_insert_lsn()::text AS insert_lsn;
