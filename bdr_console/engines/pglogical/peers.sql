-- pglogical 2: the nodes this one knows and where it reaches them, asked by `init` alone and not granted for watching: a DSN may
-- hold a password. Needs SELECT on both tables.
SELECT n.node_name, i.if_dsn AS dsn
  FROM pglogical.node n
  JOIN pglogical.node_interface i ON i.if_nodeid = n.node_id
 ORDER BY n.node_name, i.if_id;
