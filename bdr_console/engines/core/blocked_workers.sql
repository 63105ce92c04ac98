-- Apply workers (any worker that is no client) that wait for a lock, each with every session that holds it up; blocked_by 0 is a
-- prepared transaction. PostgreSQL 10 and later; needs pg_monitor to see what the sessions do. Who blocks is asked only for workers that
-- wait: it takes the lock table's own locks. Columns that a version lacks are looked up as JSON, where a missing one is NULL.
SELECT w.pid, coalesce((to_jsonb(w) ->> 'leader_pid')::int, w.pid) AS leader_pid,
       extract(epoch FROM clock_timestamp() - coalesce(
           (SELECT min((to_jsonb(l) ->> 'waitstart')::timestamptz) FROM pg_locks l WHERE l.pid = w.pid AND NOT l.granted),
           w.xact_start))::float8 AS waits,
       blocking.pid AS blocked_by, b.usename, b.application_name,
       coalesce(host(b.client_addr) || ':' || b.client_port, 'local') AS client, b.state,
       extract(epoch FROM clock_timestamp() - b.xact_start)::float8 AS age, substr(textsend(b.query), 1, 1000) AS query
  FROM pg_stat_activity w
 CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS blocking(pid)
  LEFT JOIN pg_stat_activity b ON b.pid = blocking.pid
 WHERE w.wait_event_type = 'Lock'
   AND w.backend_type NOT IN ('client backend', 'parallel worker', 'autovacuum worker', 'autovacuum launcher', 'walsender')
 ORDER BY w.pid, blocking.pid
 LIMIT 20;
