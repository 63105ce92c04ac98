-- BDR 3.6 to PGD 6: the workers of this node's subscriptions; needs bdr_read_all_stats.
SELECT worker_subid, worker_pid, worker_role_name
  FROM bdr.workers
 WHERE worker_subid <> 0
 ORDER BY worker_subid, worker_pid;
