-- Spock: the last transaction of each origin that was applied here. Its lag is not read: the view says 0 bytes for an
-- origin that is down. Needs SELECT on the view.
SELECT origin_name, commit_timestamp AS last_commit_at, received_lsn::text AS received_lsn
  FROM spock.lag_tracker;
