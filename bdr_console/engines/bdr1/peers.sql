-- BDR 1.0 and 2.0: the members and where others reach them, asked by `init` alone and not granted for watching: a DSN
-- may hold a password. Needs SELECT on both tables. conn_dsn of the default connection (origin 0) is what peers use.
SELECT n.node_name, coalesce(c.conn_dsn, n.node_local_dsn) AS dsn
  FROM bdr.bdr_nodes n
  LEFT JOIN bdr.bdr_connections c
         ON (c.conn_sysid, c.conn_timeline, c.conn_dboid) = (n.node_sysid, n.node_timeline, n.node_dboid)
        AND c.conn_origin_sysid = '0'
 WHERE n.node_status::text <> 'k'
 ORDER BY n.node_name;
