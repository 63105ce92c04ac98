-- Transactions between PREPARE TRANSACTION and COMMIT PREPARED, the oldest first. PostgreSQL 9.4 and later; any role.
SELECT gid, owner, database, extract(epoch FROM clock_timestamp() - prepared)::float8 AS age
  FROM pg_prepared_xacts
 ORDER BY prepared
 LIMIT 1000;
