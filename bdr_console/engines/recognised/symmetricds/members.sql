-- SymmetricDS 3.15, by its documentation: its nodes, this one marked. PostgreSQL 10 and later. Its tables may lie in
-- any schema: query_to_xml runs what format() builds with the schema found in the catalog.
SELECT m.name, CASE WHEN m.enabled = 1 THEN 'sync enabled' ELSE 'sync disabled' END AS state,
       m.enabled = 1 AS ready, m.group_name, NULL::text AS kind, m.me = 1 AS is_local
  FROM (SELECT n.nspname
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relname = 'sym_node' AND c.relkind = 'r'
         ORDER BY 1 LIMIT 1) s
 CROSS JOIN LATERAL xmltable('//row' PASSING query_to_xml(format(
         'SELECT n.node_id, n.node_group_id, n.sync_enabled,'
         '       (SELECT count(*) FROM %1$I.sym_node_identity i WHERE i.node_id = n.node_id) AS me'
         '  FROM %1$I.sym_node n ORDER BY n.node_id', s.nspname), false, false, '')
       COLUMNS name text PATH 'node_id', group_name text PATH 'node_group_id',
               enabled int PATH 'sync_enabled', me int PATH 'me') m;
