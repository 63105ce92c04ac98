-- Spock: tables whose first copy is not done (r is ready), by subscription; needs SELECT on both tables.
SELECT s.sub_name, count(*)::int AS tables
  FROM spock.local_sync_status y
  JOIN spock.subscription s ON s.sub_id = y.sync_subid
 WHERE y.sync_status NOT IN ('r', 'y') AND y.sync_relname IS NOT NULL
 GROUP BY s.sub_name
 ORDER BY s.sub_name;
