-- BDR 3.7.6 to PGD 6: global locks held or being acquired, as this node knows them; needs bdr_read_all_stats.
-- Only the node that asked for a lock knows since when; waiters is a number or a list, so it is not read.
SELECT lock_type, relation::text AS relation, origin_node_name::text AS origin, acquire_stage AS stage,
       extract(epoch FROM clock_timestamp()
         - coalesce(global_lock_request_time, local_lock_request_time, last_state_change_time))::float8 AS age,
       pid, NULL::text AS confirmed
  FROM bdr.global_locks
 ORDER BY 1, 2, 3;
