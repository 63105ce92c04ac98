-- The captured catalogs with the columns that some captures show in other words.
CREATE VIEW museum.pg_database AS SELECT 16384::oid AS oid, 'shop'::name AS datname;
CREATE VIEW museum.pg_subscription AS
    SELECT coalesce(c.oid, w.subid) AS oid, 16384::oid AS subdbid, c.subname, c.subenabled, c.suborigin, c.subslotname,
           c.subpublications, c.subconninfo, c.subdisableonerr
      FROM museum.captured_subscription c
      LEFT JOIN (SELECT DISTINCT subid, subname FROM museum.pg_stat_subscription) w USING (subname);
CREATE VIEW museum.pg_subscription_rel AS
    SELECT coalesce(c.srsubid, s.oid) AS srsubid, CASE WHEN c.srrelid ~ '^[0-9]+$' THEN c.srrelid::oid END AS srrelid, c.srsubstate
      FROM museum.captured_subscription_rel c
      LEFT JOIN museum.pg_subscription s USING (subname);
CREATE FUNCTION museum.pg_get_publication_tables(text) RETURNS TABLE (relid oid) LANGUAGE sql AS $$
    SELECT c.oid
      FROM museum.pg_publication_tables t
      JOIN museum.pg_namespace n ON n.nspname = t.schemaname
      JOIN museum.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
     WHERE t.pubname = $1 $$;
CREATE FUNCTION museum.pg_get_expr(text, oid) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION museum.pg_blocking_pids(integer) RETURNS int[] LANGUAGE sql AS
    'SELECT coalesce((SELECT blocked_by FROM native.waiting WHERE pid = $1), ARRAY[]::int[])';
CREATE VIEW museum.pg_locks AS SELECT pid, waitstart, false AS granted FROM native.waiting;
