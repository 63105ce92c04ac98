-- SymmetricDS 3.15, by its documentation: rows in batches that have not been acknowledged, by channel and target.
-- Its dates are the Java engine's local time in a column without a zone, so no age is made of them.
-- PostgreSQL 10 and later.
SELECT p.sync, ''::text AS tablename, p.target, p.waiting, NULL::float8 AS age
  FROM (SELECT n.nspname
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relname = 'sym_node' AND c.relkind = 'r'
         ORDER BY 1 LIMIT 1) s
 CROSS JOIN LATERAL xmltable('//row' PASSING query_to_xml(format(
         'SELECT channel_id, node_id, sum(data_row_count) AS waiting'
         '  FROM (SELECT channel_id, node_id, data_row_count FROM %I.sym_outgoing_batch'
         '         WHERE status NOT IN (''OK'', ''IG'') LIMIT 10000) b'
         ' GROUP BY channel_id, node_id ORDER BY channel_id, node_id', s.nspname), false, false, '')
       COLUMNS sync text PATH 'channel_id', target text PATH 'node_id', waiting bigint PATH 'waiting') p;
