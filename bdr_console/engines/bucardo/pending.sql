-- Bucardo 5, a replicated database: changed rows that have not gone to every target, for each table and target, and
-- the age of the oldest. A table's delta and track tables are named in bucardo_delta_names (quoted there where need
-- be); query_to_xml runs the count that format() builds from those found in the catalog, so that this stays one
-- statement. It counts to 10000.
-- Needs SELECT on bucardo_delta_names, bucardo_delta_targets and every delta_... and track_... table.
WITH own AS (
    SELECT c.relname, c.oid
      FROM pg_class c
     WHERE c.relkind = 'r' AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'bucardo')
), captured AS (
    SELECT string_agg(DISTINCT n.sync, ', ') AS sync, n.tablename, d.relname AS delta, k.relname AS track, t.target
      FROM bucardo.bucardo_delta_names n
      JOIN own d ON n.deltaname IN (d.relname, quote_ident(d.relname))
      JOIN own k ON n.trackname IN (k.relname, quote_ident(k.relname))
      LEFT JOIN (pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace)
        ON c.relkind IN ('r', 'p')
       AND n.tablename IN (s.nspname || '.' || c.relname, quote_ident(s.nspname) || '.' || quote_ident(c.relname))
      LEFT JOIN bucardo.bucardo_delta_targets t ON t.tablename = c.oid
     GROUP BY n.tablename, d.relname, k.relname, t.target
)
SELECT w.sync, w.tablename, w.target,
       (xpath('/row/waiting/text()', x.doc))[1]::text::bigint AS waiting,
       (xpath('/row/age/text()', x.doc))[1]::text::float8     AS age
  FROM captured w
 CROSS JOIN LATERAL query_to_xml(format(
         'SELECT count(*) AS waiting, extract(epoch FROM clock_timestamp() - min(txntime))::float8 AS age'
         '  FROM (SELECT d.txntime FROM bucardo.%I d'
         '         WHERE NOT EXISTS (SELECT 1 FROM bucardo.%I t'
         '                            WHERE t.txntime = d.txntime AND (t.target = %3$L OR %3$L IS NULL))'
         '         ORDER BY d.txntime LIMIT 10000) waiting', w.delta, w.track, w.target),
       false, true, '') AS x(doc)
 ORDER BY w.tablename, w.target;
