-- PostgreSQL 15: subscriptions of this database, their apply workers and error counters; needs pg_monitor. There is no
-- filter on the origin of changes yet. pid is NULL while no worker runs.
SELECT s.subname, s.subenabled, s.subslotname, s.subpublications::text[] AS publications, s.subdisableonerr,
       'any' AS suborigin, w.pid, w.received_lsn::text AS received_lsn, w.last_msg_send_time AS received_at, to_jsonb(c) AS counters
  FROM pg_subscription s
  LEFT JOIN pg_stat_subscription w ON w.subid = s.oid AND w.relid IS NULL
  LEFT JOIN pg_stat_subscription_stats c ON c.subid = s.oid
 WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
 ORDER BY s.subname;
