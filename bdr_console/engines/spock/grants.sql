-- Spock 5 and 6: what watch mode reads, for one role; no DSN by SELECT. Conflicts and exceptions hold
-- the rows that collided.
-- Run it as a superuser in the replicated database of every node. The role must exist there:
--   CREATE ROLE :"role" LOGIN;
-- Spock lets whoever may use the schema call sub_show_status(), which names the provider's DSN: keep passwords in
-- .pgpass files, not in DSNs. Not replicated: run it on each node.
SET spock.enable_ddl_replication = off;

GRANT pg_monitor TO :"role";
GRANT USAGE ON SCHEMA spock TO :"role";
GRANT SELECT ON spock.node, spock.local_node, spock.subscription, spock.local_sync_status,
      spock.replication_set, spock.replication_set_table, spock.resolutions,
      spock.exception_log
   TO :"role";

-- What only some versions have.
SELECT format('GRANT SELECT ON spock.%I TO %I', c.relname, :'role')
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'spock' AND c.relkind IN ('r', 'v')
   AND c.relname IN ('exception_status', 'lag_tracker', 'channel_summary_stats')
 ORDER BY c.relname
\gexec
