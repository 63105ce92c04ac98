-- Client sessions by application and state, the largest groups first. PostgreSQL 10 and later; needs pg_monitor to see states
-- of other roles' sessions.
SELECT application_name, state, count(*) AS sessions,
       extract(epoch FROM clock_timestamp() - min(xact_start))::float8 AS longest
  FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
 GROUP BY application_name, state
 ORDER BY count(*) DESC, application_name, state
 LIMIT 20;
