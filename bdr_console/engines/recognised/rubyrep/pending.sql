-- rubyrep 2, by its documentation: changes that its triggers have captured here, by table. Their time has no zone, so
-- no age is made of it. PostgreSQL 10 and later; counts to 10000.
SELECT ''::text AS sync, p.tablename, NULL::text AS target, p.waiting, NULL::float8 AS age
  FROM (SELECT n.nspname
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relname = 'rr_pending_changes' AND c.relkind = 'r'
         ORDER BY 1 LIMIT 1) s
 CROSS JOIN LATERAL xmltable('//row' PASSING query_to_xml(format(
         'SELECT change_table, count(*) AS waiting FROM (SELECT change_table FROM %I.rr_pending_changes LIMIT 10000) w'
         ' GROUP BY change_table ORDER BY change_table', s.nspname), false, false, '')
       COLUMNS tablename text PATH 'change_table', waiting bigint PATH 'waiting') p;
