-- Bucardo 5, the control database: conflicts counted over the runs that it still remembers.
SELECT sync AS origin, sum(conflicts)::bigint AS conflicts
  FROM bucardo.syncrun
 WHERE conflicts > 0
 GROUP BY sync
 ORDER BY sync;
