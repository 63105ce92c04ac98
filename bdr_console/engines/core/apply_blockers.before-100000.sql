-- Sessions that hold a lock which an apply worker (or another worker of replication) waits for; 0 stands for a prepared transaction.
-- PostgreSQL 9.4 to 9.6, where workers are the sessions without a client; needs a superuser to see those of other roles.
SELECT DISTINCT coalesce(held.pid, 0) AS pid
  FROM pg_locks wanted
  JOIN pg_stat_activity worker ON worker.pid = wanted.pid
  JOIN pg_locks held ON held.granted AND held.pid IS DISTINCT FROM wanted.pid
       AND (held.locktype, held.database, held.relation, held.page, held.tuple, held.virtualxid, held.transactionid, held.classid,
            held.objid, held.objsubid)
           IS NOT DISTINCT FROM
           (wanted.locktype, wanted.database, wanted.relation, wanted.page, wanted.tuple, wanted.virtualxid, wanted.transactionid,
            wanted.classid, wanted.objid, wanted.objsubid)
 WHERE NOT wanted.granted AND worker.client_port IS NULL AND worker.query NOT LIKE 'autovacuum:%';
