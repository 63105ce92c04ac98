-- BDR 3.6 to PGD 6: what watch mode reads, for one role.
-- Run it as a superuser in the replicated database of every node. The role must exist there:
--   CREATE ROLE :"role" LOGIN;
-- Members of bdr_read_all_stats can read interface_connstr too (bdr.node_summary): keep passwords out of it.
-- Not replicated, and without a global lock: run it on each node.
SET bdr.ddl_replication = off;

GRANT pg_monitor, bdr_read_all_stats TO :"role";

-- What the role does not bring along, where this version has it.
SELECT format('GRANT SELECT ON bdr.%I TO %I', c.relname, :'role')
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'bdr' AND c.relkind IN ('r', 'v')
   AND c.relname IN ('conflict_history_summary', 'event_summary', 'node_group_summary', 'node_group_routing_summary',
                     'node_routing_config_summary', 'replication_sets', 'stat_raft_state', 'tables')
 ORDER BY c.relname
\gexec
