-- PostgreSQL 15 and later: tables of which a publication sends only some rows or columns; any role. missing: the columns that are not
-- sent, generated ones left out.
SELECT p.pubname::text AS set, n.nspname || '.' || c.relname AS name, pg_get_expr(r.prqual, r.prrelid) AS filter,
       CASE WHEN r.prattrs IS NOT NULL
            THEN (SELECT array_agg(a.attname::text ORDER BY a.attnum)
                    FROM pg_attribute a
                   WHERE a.attrelid = r.prrelid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
                     AND a.attnum <> ALL (r.prattrs))
       END AS missing
  FROM pg_publication_rel r
  JOIN pg_publication p ON p.oid = r.prpubid
  JOIN pg_class c ON c.oid = r.prrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE r.prqual IS NOT NULL OR r.prattrs IS NOT NULL
 ORDER BY p.pubname, n.nspname, c.relname
 LIMIT 200;
