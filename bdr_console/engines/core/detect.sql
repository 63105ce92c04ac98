-- Which replication engine lives in this database, and on which server. PostgreSQL 9.4 and later; reads catalogs
-- only. tables: what tells one engine from another (the last three may live in any schema), and what only some
-- versions of an engine have, functions with (): nobody need ask for what is not there.
SELECT current_setting('server_version_num')::int AS server_version_num,
       current_setting('server_version')          AS server_version,
       current_setting('is_superuser') = 'on'     AS superuser,
       (SELECT string_agg(extname || ' ' || extversion, ',' ORDER BY extname)
          FROM pg_extension
         WHERE extname IN ('bdr', 'pgactive', 'spock', 'pglogical'))                AS extensions,
       (SELECT string_agg(nspname || ' ' || obj_description(oid, 'pg_namespace'), '|' ORDER BY nspname)
          FROM pg_namespace
         WHERE nspname IN ('bdr', 'pgactive', 'spock', 'pglogical', 'bucardo'))     AS comments,
       (SELECT string_agg(found.name, ',' ORDER BY found.name)
          FROM (SELECT n.nspname || '.' || c.relname AS name
                  FROM pg_class c
                  JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.relkind IN ('r', 'v', 'p')
                   AND (n.nspname || '.' || c.relname IN
                           ('bdr.bdr_nodes', 'bdr.node_summary', 'pgactive.pgactive_nodes', 'spock.node', 'pglogical.node',
                            'bucardo.sync', 'bucardo.bucardo_delta_names', '_edb_replicator_pub.xdb_pub_database',
                            'pg_catalog.pgxc_node',
                            'bdr.conflict_history_summary', 'bdr.event_summary', 'bdr.global_locks',
                            'bdr.node_group_routing_summary', 'bdr.node_group_summary', 'bdr.node_replication_rates',
                            'bdr.node_routing_config_summary', 'bdr.replication_sets', 'bdr.replication_status', 'bdr.sequences',
                            'bdr.stat_raft_state', 'bdr.stat_subscription', 'bdr.tables', 'bdr.worker_errors', 'bdr.workers',
                            'spock.channel_summary_stats', 'spock.exception_status', 'spock.lag_tracker', 'spock.resolutions')
                        OR c.relname IN ('sym_node', 'rr_pending_changes', 'rr_logged_events'))
                 UNION
                SELECT n.nspname || '.' || p.proname || '()'
                  FROM pg_proc p
                  JOIN pg_namespace n ON n.oid = p.pronamespace
                 WHERE n.nspname = 'bdr'
                   AND n.nspname || '.' || p.proname IN
                           ('bdr.bdr_edition', 'bdr.get_raft_status')) found)  AS tables;
