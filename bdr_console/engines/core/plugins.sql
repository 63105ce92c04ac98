-- The output plugins that a walsender may use, where this minor release has a list of them, and those that the logical slots
-- here need. PostgreSQL 9.6 and later; any role without the list,
-- pg_monitor with it.
SELECT current_setting('output_plugin_libraries', true) AS allowed,
       (SELECT array_agg(DISTINCT plugin::text ORDER BY plugin::text) FROM pg_replication_slots WHERE slot_type = 'logical') AS needed;
