-- EDB Replication Server 7, by its documentation: conflicts that nothing resolves; their rows differ until then.
SELECT true AS severe,
       count(*) || ' unresolved conflicts on ' || coalesce(t.table_name, 'an unknown table')
         || ': these rows are not replicated until somebody resolves them' AS text
  FROM _edb_replicator_pub.xdb_conflicts c
  LEFT JOIN _edb_replicator_pub.rrep_tables t ON t.table_id = c.table_id
 WHERE c.resolution_status = 'P'
 GROUP BY t.table_name
 ORDER BY t.table_name;
