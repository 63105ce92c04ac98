-- PostgreSQL 16 and later: subscriptions of this database, their apply workers and counters (conflicts from 18 on); needs
-- pg_monitor. Helpers of an apply worker are rows of their own, marked by leader_pid. pid is NULL while no worker runs.
SELECT s.subname, s.subenabled, s.subslotname, s.subpublications::text[] AS publications, s.subdisableonerr,
       s.suborigin, w.pid, w.received_lsn::text AS received_lsn, w.last_msg_send_time AS received_at, to_jsonb(c) AS counters
  FROM pg_subscription s
  LEFT JOIN pg_stat_subscription w ON w.subid = s.oid AND w.relid IS NULL AND w.leader_pid IS NULL
  LEFT JOIN pg_stat_subscription_stats c ON c.subid = s.oid
 WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
 ORDER BY s.subname;
