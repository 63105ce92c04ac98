-- SymmetricDS 3.15, by its documentation: conflicts won and lost, as the batches that are still there have counted
-- them. PostgreSQL 10 and later.
SELECT c.origin, k.kind, CASE k.kind WHEN 'won' THEN c.won ELSE c.lost END AS count
  FROM (SELECT n.nspname
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relname = 'sym_node' AND c.relkind = 'r'
         ORDER BY 1 LIMIT 1) s
 CROSS JOIN LATERAL xmltable('//row' PASSING query_to_xml(format(
         'SELECT node_id, sum(conflict_win_count) AS won, sum(conflict_lose_count) AS lost'
         '  FROM %I.sym_outgoing_batch WHERE conflict_win_count + conflict_lose_count > 0'
         ' GROUP BY node_id ORDER BY node_id', s.nspname), false, false, '')
       COLUMNS origin text PATH 'node_id', won bigint PATH 'won', lost bigint PATH 'lost') c
 CROSS JOIN (VALUES ('won'), ('lost')) k (kind);
