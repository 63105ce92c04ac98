-- rubyrep 2, by its documentation: conflicts among the logged events (left database only), the newest first. Their
-- time has no zone: it is taken as UTC. PostgreSQL 10 and later.
SELECT c.at AT TIME ZONE 'UTC' AS at, c.table_name,
       coalesce(c.left_type, '?') || '/' || coalesce(c.right_type, '?') AS kind, c.description AS resolution,
       NULL::text AS origin, c.id AS key, c.error
  FROM (SELECT n.nspname
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relname = 'rr_logged_events' AND c.relkind = 'r'
         ORDER BY 1 LIMIT 1) s
 CROSS JOIN LATERAL xmltable('//row' PASSING query_to_xml(format(
         'SELECT id, event_time, change_table, left_change_type, right_change_type, left(description, 60) AS description,'
         '       left(long_description, 200) AS error'
         '  FROM %I.rr_logged_events WHERE diff_type = ''conflict'' ORDER BY id DESC LIMIT 50', s.nspname),
         false, false, '')
       COLUMNS id text PATH 'id', at timestamp PATH 'event_time', table_name text PATH 'change_table',
               left_type text PATH 'left_change_type', right_type text PATH 'right_change_type',
               description text PATH 'description', error text PATH 'error') c;
