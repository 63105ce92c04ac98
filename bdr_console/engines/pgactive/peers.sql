-- pgactive: the members and where others reach them, asked by `init` alone and not granted for watching: a DSN may
-- hold a password. Where it names a foreign server, that one's options say where. Needs SELECT on both tables.
SELECT n.node_name,
       CASE WHEN f.srvname IS NULL THEN w.dsn
            ELSE (SELECT string_agg(o.option_name || '='
                                      || quote_literal(replace(replace(o.option_value, '\', ''), '''', '')), ' ')
                    FROM pg_options_to_table(f.srvoptions) o
                   WHERE o.option_name IN ('host', 'hostaddr', 'port', 'dbname')) END AS dsn
  FROM pgactive.pgactive_nodes n
  LEFT JOIN pgactive.pgactive_connections c
         ON (c.conn_sysid, c.conn_timeline, c.conn_dboid) = (n.node_sysid, n.node_timeline, n.node_dboid)
 CROSS JOIN LATERAL (SELECT coalesce(c.conn_dsn, n.node_dsn) AS dsn) w
  LEFT JOIN pg_foreign_server f ON f.srvname = substring(w.dsn FROM 'pgactive_foreign_server\s*=\s*''?([^'' ]+)')
 WHERE n.node_status::text <> 'k'
 ORDER BY n.node_name;
