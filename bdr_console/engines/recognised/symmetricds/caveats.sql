-- SymmetricDS 3.15, by its documentation: batches in error; a channel stops at the first. PostgreSQL 10 and later.
SELECT true AS severe,
       e.batches || ' batches to ' || e.node || ' failed on channel ' || e.channel || coalesce(': ' || e.message, '') AS text
  FROM (SELECT n.nspname
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relname = 'sym_node' AND c.relkind = 'r'
         ORDER BY 1 LIMIT 1) s
 CROSS JOIN LATERAL xmltable('//row' PASSING query_to_xml(format(
         'SELECT node_id, channel_id, count(*) AS batches, left(max(sql_message), 200) AS message'
         '  FROM %I.sym_outgoing_batch WHERE status = ''ER'''
         ' GROUP BY node_id, channel_id ORDER BY node_id, channel_id', s.nspname), false, false, '')
       COLUMNS node text PATH 'node_id', channel text PATH 'channel_id', batches bigint PATH 'batches',
               message text PATH 'message') e;
