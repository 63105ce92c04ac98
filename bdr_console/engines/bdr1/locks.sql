-- BDR 2.0: the global lock as this node knows it; the view always has one row, `nolock` when there is none. How long
-- it has been held it does not tell. Needs SELECT on bdr.bdr_locks.
SELECT lock_mode AS lock_type, coalesce(owner_node_name, owner_sysid) AS origin, NULL::text AS relation,
       lock_state AS stage, NULL::float8 AS age,
       CASE WHEN owner_is_my_node THEN nullif(owner_local_pid, 0) END AS pid,
       CASE WHEN lock_state = 'acquire_tally_confirmations' THEN npeers_confirmed || ' of ' || npeers END AS confirmed
  FROM bdr.bdr_locks
 WHERE lock_state <> 'nolock';
