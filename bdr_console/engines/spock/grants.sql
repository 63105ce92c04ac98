-- Spock 5 and 6: what watch mode reads, for one role; no DSN by SELECT, and no rows of users.
-- Run it as a superuser in the replicated database of every node. The role must exist there:
--   CREATE ROLE :"role" LOGIN;
-- Spock lets whoever may use the schema call sub_show_status(), which names the provider's DSN: keep passwords in
-- .pgpass files, not in DSNs. Not replicated: run it on each node.
SET spock.enable_ddl_replication = off;

GRANT pg_monitor TO :"role";
GRANT USAGE ON SCHEMA spock TO :"role";
GRANT SELECT ON spock.node, spock.local_node, spock.subscription, spock.local_sync_status TO :"role";
GRANT SELECT (if_id, if_name, if_nodeid) ON spock.node_interface TO :"role";
GRANT SELECT (id, node_name, log_time, relname, idxname, conflict_type, conflict_resolution, local_origin, local_xid,
              local_timestamp, remote_origin, remote_xid, remote_timestamp, remote_lsn)
   ON spock.resolutions TO :"role";
GRANT SELECT (remote_origin, remote_commit_ts, command_counter, retry_errored_at, remote_xid, local_origin,
              local_commit_ts, table_schema, table_name, operation, error_message)
   ON spock.exception_log TO :"role";

-- What only some versions have.
SELECT format('GRANT SELECT ON spock.%I TO %I', c.relname, :'role')
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'spock' AND c.relkind IN ('r', 'v')
   AND c.relname IN ('lag_tracker', 'progress', 'channel_summary_stats', 'channel_table_stats')
 ORDER BY c.relname
\gexec

GRANT SELECT ON pg_replication_origin_status TO :"role";
GRANT EXECUTE ON FUNCTION pg_show_replication_origin_status() TO :"role";
