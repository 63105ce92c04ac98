-- Spock: the tables that each subscription copied when it began, at most 1000 names; needs SELECT on both tables.
SELECT s.sub_name, count(*)::int AS tables,
       (array_agg(y.sync_nspname || '.' || y.sync_relname ORDER BY 1))[1:1000] AS names
  FROM spock.local_sync_status y
  JOIN spock.subscription s ON s.sub_id = y.sync_subid
 WHERE y.sync_relname IS NOT NULL
 GROUP BY s.sub_name;
