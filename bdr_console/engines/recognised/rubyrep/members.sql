-- rubyrep 2, by its documentation: there are always two databases, left and right; only left logs events.
SELECT CASE WHEN EXISTS (SELECT 1 FROM pg_class WHERE relname = 'rr_logged_events' AND relkind = 'r')
            THEN 'left' ELSE 'right' END AS name,
       'captures changes' AS state, true AS ready, NULL::text AS group_name, NULL::text AS kind, true AS is_local;
