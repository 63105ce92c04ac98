-- Every client session but the one that asks. PostgreSQL 9.6 and later; needs pg_monitor (or pg_read_all_stats) to see those of
-- other roles: what is hidden may be a client or one of the server's own. backend_start as text in UTC keeps its microseconds:
-- with the pid it names one session for good. The query comes as bytes: other databases may have another encoding.
-- may_signal: whether pg_terminate_backend and pg_cancel_backend are permitted to the role that asks.
SELECT pid, to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00' AS started,
       usename, datname, application_name, state, query = '<insufficient privilege>' AS hidden,
       coalesce(host(client_addr) || ':' || client_port, 'local')                 AS client,
       extract(epoch FROM clock_timestamp() - xact_start)::float8                  AS transaction_age,
       substr(textsend(query), 1, 1000)                                            AS query,
       coalesce(rolsuper, false)                                                   AS of_superuser,
       current_setting('is_superuser') = 'on'
       OR (NOT coalesce(rolsuper, false)
           AND (pg_has_role(usesysid, 'USAGE') OR pg_has_role('pg_signal_backend'::name, 'USAGE'))) AS may_signal
  FROM pg_stat_activity
  LEFT JOIN pg_roles ON pg_roles.oid = usesysid
 WHERE pid <> pg_backend_pid()
   AND (coalesce(client_port, 0) <> 0 OR (query = '<insufficient privilege>' AND datname IS NOT NULL))
   AND pid NOT IN (SELECT pid FROM pg_stat_replication);
