-- pglogical 2: replication sets of this node that do not send every sort of change; needs SELECT on both tables.
SELECT s.set_name, s.replicate_insert, s.replicate_update, s.replicate_delete, s.replicate_truncate
  FROM pglogical.replication_set s
  JOIN pglogical.local_node l ON l.node_id = s.set_nodeid
 WHERE NOT (s.replicate_insert AND s.replicate_update AND s.replicate_delete AND s.replicate_truncate)
   AND s.set_name <> 'ddl_sql'
 ORDER BY s.set_name;
