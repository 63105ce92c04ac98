-- pgactive 2.1: what watch mode reads, for one role; no DSN. Conflicts hold the rows that collided.
-- Run it as a superuser in the replicated database of every node. The role must exist there, and on every server
-- that shall join later: the join restores these grants too and fails where the role is missing.
--   CREATE ROLE :"role" LOGIN;
-- Not replicated: run it on each node.
SET pgactive.skip_ddl_replication = on;

GRANT pg_monitor TO :"role";
GRANT USAGE ON SCHEMA pgactive TO :"role";
GRANT SELECT (node_sysid, node_timeline, node_dboid, node_status, node_name, node_read_only)
   ON pgactive.pgactive_nodes TO :"role";
GRANT SELECT (conn_sysid, conn_timeline, conn_dboid, conn_apply_delay, conn_replication_sets)
   ON pgactive.pgactive_connections TO :"role";
GRANT SELECT ON pgactive.pgactive_conflict_history, pgactive.pgactive_stats, pgactive.pgactive_global_locks_info TO :"role";
GRANT EXECUTE ON FUNCTION pgactive.pgactive_get_stats(), pgactive.pgactive_get_workers_info(),
      pgactive.pgactive_get_local_nodeid(), pgactive.pgactive_get_node_identifier(),
      pgactive.pgactive_parse_slot_name(name)
   TO :"role";
-- Until shared memory knows the node's identifier (some seconds after a start), the functions above ask this one with
-- the caller's rights. Not every version has it.
SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', p.oid::regprocedure, :'role')
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname = 'pgactive' AND p.proname = '_pgactive_node_identifier_getter_private'
\gexec
