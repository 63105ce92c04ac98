-- Client sessions whose transaction has been open for more than a second, the oldest first. PostgreSQL 9.4 to 9.6; needs a superuser
-- to see those of other roles. What they wait for is not told before 10.
SELECT pid, extract(epoch FROM clock_timestamp() - xact_start)::float8 AS age, state, usename,
       application_name, coalesce(host(client_addr) || ':' || client_port, 'local') AS client,
       substr(textsend(query), 1, 1000) AS query, NULL::text AS wait_event_type, NULL::text AS wait_event, NULL::int[] AS blocked_by
  FROM pg_stat_activity
 WHERE client_port IS NOT NULL AND pid <> pg_backend_pid()
   AND pid NOT IN (SELECT pid FROM pg_stat_replication)
   AND xact_start < clock_timestamp() - interval '1 second'
 ORDER BY xact_start
 LIMIT 20;
