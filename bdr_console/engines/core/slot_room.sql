-- How much more WAL each slot may keep before it is given up, and the limit that says so (-1: none, only the disk). PostgreSQL 13 and
-- later; any role.
SELECT s.slot_name, s.safe_wal_size,
       (SELECT setting::bigint * 1024 * 1024 FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS keep_limit
  FROM pg_replication_slots s
 WHERE NOT s.temporary
 ORDER BY s.slot_name
 LIMIT 200;
