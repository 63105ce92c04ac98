-- Bucardo 5, a replicated database: whether all that was committed here has gone to every target. There are no
-- positions in its world: with nothing waiting the WAL's end is given, else none. It names no target.
WITH own AS (
    SELECT c.relname
      FROM pg_class c
     WHERE c.relkind = 'r' AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'bucardo')
)
SELECT NULL::text AS target_name, true AS active,
       CASE WHEN bool_and((xpath('/row/waiting/text()', query_to_xml(format(
              'SELECT count(*) AS waiting FROM (SELECT 1 FROM bucardo.%I d'
              ' WHERE NOT EXISTS (SELECT 1 FROM bucardo.%I t WHERE t.txntime = d.txntime) LIMIT 1) w',
              d.relname, k.relname), false, true, '')))[1]::text = '0')
            THEN pg_current_wal_insert_lsn() END::text AS replay_lsn
  FROM bucardo.bucardo_delta_names n
  JOIN own d ON n.deltaname IN (d.relname, quote_ident(d.relname))
  JOIN own k ON n.trackname IN (k.relname, quote_ident(k.relname));
