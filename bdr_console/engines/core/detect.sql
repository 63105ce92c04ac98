-- Which replication engine lives in this database, and on which server. PostgreSQL 9.4 and later; reads catalogs
-- only. tables: what tells one engine from another; the last three may live in any schema.
SELECT current_setting('server_version_num')::int AS server_version_num,
       current_setting('server_version')          AS server_version,
       (SELECT string_agg(extname || ' ' || extversion, ',' ORDER BY extname)
          FROM pg_extension
         WHERE extname IN ('bdr', 'pgactive', 'spock', 'pglogical'))                AS extensions,
       (SELECT string_agg(nspname || ' ' || obj_description(oid, 'pg_namespace'), '|' ORDER BY nspname)
          FROM pg_namespace
         WHERE nspname IN ('bdr', 'pgactive', 'spock', 'pglogical', 'bucardo'))     AS comments,
       (SELECT string_agg(n.nspname || '.' || c.relname, ',' ORDER BY n.nspname, c.relname)
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'v', 'p')
           AND (n.nspname || '.' || c.relname IN
                   ('bdr.bdr_nodes', 'bdr.node_summary', 'pgactive.pgactive_nodes', 'spock.node', 'pglogical.node',
                    'bucardo.sync', 'bucardo.bucardo_delta_names', '_edb_replicator_pub.xdb_pub_database',
                    'pg_catalog.pgxc_node')
                OR c.relname IN ('sym_node', 'rr_pending_changes', 'rr_logged_events')))  AS tables;
