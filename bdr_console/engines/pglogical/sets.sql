-- pglogical 2: replication sets of this node, and the changes that each sends; needs SELECT on both tables.
SELECT s.set_name AS name, s.replicate_insert AS inserts, s.replicate_update AS updates, s.replicate_delete AS deletes,
       s.replicate_truncate AS truncates
  FROM pglogical.replication_set s
  JOIN pglogical.local_node l ON l.node_id = s.set_nodeid
 ORDER BY s.set_name;
