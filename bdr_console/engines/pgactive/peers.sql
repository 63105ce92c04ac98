-- pgactive: the members and where others reach them, asked by `init` alone and not granted for watching: a DSN may
-- hold a password. Needs SELECT on both tables.
SELECT n.node_name, coalesce(c.conn_dsn, n.node_dsn) AS dsn
  FROM pgactive.pgactive_nodes n
  LEFT JOIN pgactive.pgactive_connections c
         ON (c.conn_sysid, c.conn_timeline, c.conn_dboid) = (n.node_sysid, n.node_timeline, n.node_dboid)
 WHERE n.node_status::text <> 'k'
 ORDER BY n.node_name;
