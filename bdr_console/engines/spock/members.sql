-- Spock: the nodes this one knows, and itself; needs USAGE on the schema and SELECT on both tables.
SELECT n.node_name, l.node_id IS NOT NULL AS is_local
  FROM spock.node n
  LEFT JOIN spock.local_node l ON l.node_id = n.node_id
 ORDER BY n.node_name;
