-- SymmetricDS 3.15, by its documentation: incoming rows that could not be loaded and wait for somebody. Their dates
-- have no zone: they are taken as UTC. PostgreSQL 10 and later.
SELECT c.at AT TIME ZONE 'UTC' AS at, c.table_name, coalesce(c.rule, c.event) AS kind, 'unresolved' AS resolution,
       c.origin, c.origin || ' ' || c.batch || ' ' || c.row_number AS key, NULL::text AS error
  FROM (SELECT n.nspname
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relname = 'sym_node' AND c.relkind = 'r'
         ORDER BY 1 LIMIT 1) s
 CROSS JOIN LATERAL xmltable('//row' PASSING query_to_xml(format(
         'SELECT create_time, target_table_name, event_type, conflict_id, node_id, batch_id, failed_row_number'
         '  FROM %I.sym_incoming_error WHERE coalesce(resolve_ignore, 0) = 0'
         ' ORDER BY create_time DESC LIMIT 50', s.nspname), false, false, '')
       COLUMNS at timestamp PATH 'create_time', table_name text PATH 'target_table_name', event text PATH 'event_type',
               rule text PATH 'conflict_id', origin text PATH 'node_id', batch text PATH 'batch_id',
               row_number text PATH 'failed_row_number') c;
