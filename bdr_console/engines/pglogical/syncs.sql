-- pglogical 2: subscriptions and tables whose first copy is not done (r is ready); needs SELECT on both tables.
SELECT s.sub_name, count(y.sync_relname)::int AS tables, max(y.sync_status::text) FILTER (WHERE y.sync_relname IS NULL) AS whole
  FROM pglogical.local_sync_status y
  JOIN pglogical.subscription s ON s.sub_id = y.sync_subid
 WHERE y.sync_status NOT IN ('r', 'y')
 GROUP BY s.sub_name
 ORDER BY s.sub_name;
