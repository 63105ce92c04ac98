-- Sessions without the one that asks. PostgreSQL 9.4 to 9.6; needs a superuser to see those of other roles.
WITH seen AS (
    SELECT pid, state, xact_start, query = '<insufficient privilege>' AS hidden
      FROM pg_stat_activity
     WHERE pid <> pg_backend_pid() AND client_port IS NOT NULL
       AND pid NOT IN (SELECT pid FROM pg_stat_replication)
)
SELECT (SELECT count(*) FROM seen)                                                         AS total,
       (SELECT count(*) FROM seen WHERE state = 'active')                                  AS active,
       (SELECT count(*) FROM seen WHERE state LIKE 'idle in transaction%')                 AS idle_in_transaction,
       (SELECT count(*) FROM pg_stat_activity WHERE query = '<insufficient privilege>') AS hidden,
       oldest.pid                                                                          AS oldest_pid,
       extract(epoch FROM clock_timestamp() - oldest.xact_start)::float8                   AS oldest_transaction
  FROM (SELECT 1) one
  LEFT JOIN (SELECT pid, xact_start FROM seen WHERE xact_start IS NOT NULL ORDER BY xact_start LIMIT 1) oldest ON true;
