-- EDB Replication Server 7 with triggers, by its documentation: rows in the shadow tables rrst_SCHEMA_TABLE, which
-- are taken out once they have been sent and cleaned up. With the log-based method there are none: see the slots.
-- query_to_xml runs the count that format() builds, so that this stays one statement; it counts to 10000.
SELECT ''::text AS sync, substr(c.relname, 6) AS tablename, NULL::text AS target,
       (xpath('/row/waiting/text()', x.doc))[1]::text::bigint AS waiting, NULL::float8 AS age
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL query_to_xml(format(
         'SELECT count(*) AS waiting FROM (SELECT 1 FROM %I.%I LIMIT 10000) w', n.nspname, c.relname),
       false, true, '') AS x(doc)
 WHERE n.nspname = '_edb_replicator_pub' AND c.relkind = 'r' AND c.relname LIKE 'rrst\_%'
 ORDER BY c.relname;
