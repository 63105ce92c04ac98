-- Client sessions whose transaction has been open for more than a second, the oldest first. PostgreSQL 10 and later; needs pg_monitor
-- to see those of other roles. The query
-- comes as bytes: a session in a database of another encoding may hold any, and left() would fail on them. Who blocks is asked only for the few that wait for a lock: it takes the lock table's own locks.
SELECT old.pid, extract(epoch FROM clock_timestamp() - old.xact_start)::float8 AS age, old.state, old.usename,
       old.application_name, coalesce(host(old.client_addr) || ':' || old.client_port, 'local') AS client,
       substr(textsend(old.query), 1, 1000) AS query, old.wait_event_type, old.wait_event,
       CASE WHEN old.wait_event_type = 'Lock' THEN pg_blocking_pids(old.pid) END AS blocked_by
  FROM (SELECT *
          FROM pg_stat_activity
         WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
           AND xact_start < clock_timestamp() - interval '1 second'
         ORDER BY xact_start
         LIMIT 20) old
 ORDER BY old.xact_start;
