-- PostgreSQL 10 to 14: subscriptions of this database and their apply workers; needs pg_monitor. Nothing counts errors.
-- pid is NULL while no worker runs.
SELECT s.subname, s.subenabled, s.subslotname, s.subpublications::text[] AS publications, false AS subdisableonerr,
       'any' AS suborigin, w.pid, w.received_lsn::text AS received_lsn, w.last_msg_send_time AS received_at, NULL::jsonb AS counters
  FROM pg_subscription s
  LEFT JOIN pg_stat_subscription w ON w.subid = s.oid AND w.relid IS NULL
 WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
 ORDER BY s.subname;
