-- pgactive: this node's tables by the replication sets that they are in (a label of JSON says so; a table without one is
-- in `default`), names of at most 1000 of each; any role.
SELECT sets, count(*)::int AS tables,
       sum(('x' || substr(md5(name), 1, 10))::bit(40)::bigint)::bigint AS digest,
       (array_agg(name ORDER BY name))[1:1000] AS names
  FROM (SELECT n.nspname || '.' || c.relname AS name,
               CASE WHEN l.label::json -> 'sets' IS NULL THEN '{default}'::text[]
                    ELSE ARRAY(SELECT json_array_elements_text(l.label::json -> 'sets') ORDER BY 1) END AS sets
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
          LEFT JOIN pg_seclabel l
                 ON l.objoid = c.oid AND l.classoid = 'pg_class'::regclass AND l.objsubid = 0 AND l.provider = 'pgactive'
         WHERE c.relkind = 'r' AND c.relpersistence = 'p'
           AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgactive')) own
 GROUP BY sets
 ORDER BY sets;
