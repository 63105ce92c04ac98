-- BDR 3.6 to PGD 6: this node's tables by the replication sets that they are in and that the node publishes, names of at most
-- 1000 of each; needs bdr_read_all_stats. Which sets it publishes its own row of node_summary says, where that is filled in.
SELECT sets, count(*)::int AS tables,
       sum(('x' || substr(md5(name), 1, 10))::bit(40)::bigint)::bigint AS digest,
       (array_agg(name ORDER BY name))[1:1000] AS names
  FROM (SELECT n.nspname || '.' || c.relname AS name,
               ARRAY(SELECT DISTINCT t.set_name::text
                       FROM bdr.tables t
                       LEFT JOIN bdr.local_node_summary l ON true
                      WHERE t.nspname = n.nspname AND t.relname = c.relname AND t.set_name IS NOT NULL
                        AND (coalesce(to_jsonb(l) -> 'pub_repsets', 'null') = 'null' OR to_jsonb(l) -> 'pub_repsets' ? t.set_name::text)
                      ORDER BY 1) AS sets
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
           AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'bdr', 'pglogical')
           AND NOT EXISTS (SELECT 1 FROM pg_depend d
                            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')) own
 GROUP BY sets
 ORDER BY sets;
