-- pglogical 2: this node and those it subscribes to; it knows no others. Needs USAGE on the schema and SELECT on both tables.
SELECT n.node_name, l.node_id IS NOT NULL AS is_local
  FROM pglogical.node n
  LEFT JOIN pglogical.local_node l ON l.node_id = n.node_id
 ORDER BY n.node_name;
