-- Sessions that hold a lock which an apply worker (or another worker of replication) waits for; 0 stands for a prepared transaction.
-- PostgreSQL 10 and later; needs pg_monitor to see the workers of other roles.
SELECT DISTINCT unnest(pg_blocking_pids(worker.pid)) AS pid
  FROM pg_stat_activity worker
 WHERE worker.wait_event_type = 'Lock' AND worker.client_port IS NULL
   AND worker.backend_type NOT IN ('client backend', 'parallel worker', 'autovacuum worker');
