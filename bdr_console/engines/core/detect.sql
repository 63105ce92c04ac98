-- Which replication engine lives in this database, and on which server. PostgreSQL 9.4 and later; reads catalogs only.
SELECT current_setting('server_version_num')::int AS server_version_num,
       current_setting('server_version')          AS server_version,
       (SELECT string_agg(extname || ' ' || extversion, ',' ORDER BY extname)
          FROM pg_catalog.pg_extension
         WHERE extname IN ('bdr', 'pgactive', 'spock', 'pglogical'))                AS extensions,
       (SELECT obj_description(oid, 'pg_namespace')
          FROM pg_catalog.pg_namespace
         WHERE nspname = 'bdr')                                                     AS bdr_comment,
       EXISTS (SELECT 1
                 FROM pg_catalog.pg_class c
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'bdr' AND c.relname = 'node_summary')             AS has_node_summary;
