-- Any PostgreSQL from 10 on: native subscriptions of this database and their apply workers
-- (from 16 on helpers of a worker are rows of their own, marked by leader_pid).
SELECT s.subname, s.subenabled, w.pid
  FROM pg_subscription s
  LEFT JOIN pg_stat_subscription w
         ON w.subid = s.oid AND w.relid IS NULL AND to_jsonb(w) ->> 'leader_pid' IS NULL
 WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
 ORDER BY s.subname;
