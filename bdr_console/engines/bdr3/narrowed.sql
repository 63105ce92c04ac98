-- BDR 3.7 to PGD 6: tables of which a replication set sends only some rows; needs bdr_read_all_stats.
SELECT t.set_name::text AS set, t.nspname || '.' || t.relname AS name, to_jsonb(t) ->> 'row_filter' AS filter, NULL::text[] AS missing
  FROM bdr.tables t
 WHERE to_jsonb(t) ->> 'row_filter' IS NOT NULL
 ORDER BY t.set_name, t.nspname, t.relname
 LIMIT 200;
