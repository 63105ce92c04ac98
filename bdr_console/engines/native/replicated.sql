-- PostgreSQL 10 and later: the tables of this database, one row for all that are in the same publications and subscriptions; any role.
-- digest: the sum of a hash of each name, which two servers can compare however many tables there are. names: the first of them.
-- Asked is the function behind pg_publication_tables: it knows what all tables, a schema and the root of partitions come to.
WITH published AS (
    SELECT t.relid AS oid, array_agg(p.pubname::text ORDER BY p.pubname) AS publications
      FROM pg_publication p
     CROSS JOIN LATERAL pg_get_publication_tables(p.pubname::text) t
     GROUP BY t.relid
), taken AS (
    SELECT r.srrelid AS oid, array_agg(s.subname::text ORDER BY s.subname) AS subscriptions
      FROM pg_subscription_rel r
      JOIN pg_subscription s ON s.oid = r.srsubid
     WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
     GROUP BY r.srrelid
), named AS (
    SELECT n.nspname || '.' || c.relname AS name, coalesce(p.publications, '{}') AS publications,
           coalesce(t.subscriptions, '{}') AS subscriptions
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN published p ON p.oid = c.oid
      LEFT JOIN taken t ON t.oid = c.oid
     WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
       AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
)
SELECT publications AS sets, subscriptions, count(*)::int AS tables,
       sum(('x' || substr(md5(name), 1, 10))::bit(40)::bigint)::bigint AS digest,
       (array_agg(name ORDER BY name))[1:500] AS names
  FROM named
 GROUP BY publications, subscriptions
 ORDER BY publications, subscriptions;
