-- Client sessions by application and state, the largest groups first. PostgreSQL 9.4 to 9.6; needs a superuser to see those
-- of other roles.
SELECT application_name, state, count(*) AS sessions,
       extract(epoch FROM clock_timestamp() - min(xact_start))::float8 AS longest
  FROM pg_stat_activity
 WHERE client_port IS NOT NULL AND pid <> pg_backend_pid()
   AND pid NOT IN (SELECT pid FROM pg_stat_replication)
 GROUP BY application_name, state
 ORDER BY count(*) DESC, application_name, state
 LIMIT 20;
