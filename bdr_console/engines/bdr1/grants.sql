-- BDR 1.0 and 2.0: what watch mode reads, for one role; no DSN. Conflicts hold the rows that collided.
-- Run it as a superuser in the replicated database of every node. The role must exist there:
--   CREATE ROLE :"role" LOGIN;
-- Not replicated, and without the global lock that other DDL takes: a node that lacks the role would stop applying.
SET bdr.skip_ddl_replication = on;
SET bdr.skip_ddl_locking = on;

GRANT USAGE ON SCHEMA bdr TO :"role";
GRANT SELECT (node_sysid, node_timeline, node_dboid, node_status, node_name, node_read_only)
   ON bdr.bdr_nodes TO :"role";
GRANT SELECT (conn_sysid, conn_timeline, conn_dboid, conn_origin_sysid, conn_is_unidirectional, conn_apply_delay,
              conn_replication_sets)
   ON bdr.bdr_connections TO :"role";
GRANT SELECT ON bdr.bdr_conflict_history, bdr.pg_replication_slots, bdr.pg_stat_bdr TO :"role";

-- What only one of the two has: tables of locks and global sequences in 1.0, a view of locks in 2.0.
SELECT format('GRANT SELECT ON bdr.%I TO %I', c.relname, :'role')
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'bdr' AND c.relkind IN ('r', 'v')
   AND c.relname IN ('bdr_global_locks', 'bdr_locks', 'bdr_sequence_values')
 ORDER BY c.relname
\gexec

-- Sessions, transactions and walsenders of other roles: PostgreSQL 9.4 and 9.6 show them to superusers only and have
-- no pg_monitor. Without a superuser those cells stay unknown, and the lag is that of the slots.
