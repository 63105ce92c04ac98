-- pglogical 2: this node's tables by the replication sets that they are in, names of at most 1000 of each; needs SELECT on
-- replication_set, replication_set_table and local_node.
SELECT sets, count(*)::int AS tables,
       sum(('x' || substr(md5(name), 1, 10))::bit(40)::bigint)::bigint AS digest,
       (array_agg(name ORDER BY name))[1:1000] AS names
  FROM (SELECT n.nspname || '.' || c.relname AS name,
               coalesce(array_agg(s.set_name::text ORDER BY s.set_name::text) FILTER (WHERE s.set_id IS NOT NULL), '{}') AS sets
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
          LEFT JOIN pglogical.replication_set_table t ON t.set_reloid::oid = c.oid
          LEFT JOIN pglogical.replication_set s
                 ON s.set_id = t.set_id AND s.set_nodeid IN (SELECT node_id FROM pglogical.local_node)
         WHERE c.relkind = 'r' AND c.relpersistence = 'p'
           AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pglogical')
         GROUP BY c.oid, n.nspname, c.relname) own
 GROUP BY sets
 ORDER BY sets;
