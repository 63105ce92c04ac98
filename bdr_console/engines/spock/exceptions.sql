-- Spock: transactions of other nodes that failed here and were thrown away or left undone, up to 1000. Shown is the cause of
-- the newest: every command of a failed transaction is in the log, and those that did not fail themselves have no error.
-- Needs SELECT on both tables.
SELECT count(*)::int AS exceptions, count(DISTINCT (remote_origin, remote_xid, remote_commit_ts))::int AS transactions,
       max(retry_errored_at) AS newest_at,
       (array_agg(concat_ws(' ', operation, 'on', table_schema || '.' || table_name)
                  ORDER BY silent, remote_commit_ts DESC, command_counter))[1] AS what,
       (array_agg(left(error_message, 300) ORDER BY silent, remote_commit_ts DESC, command_counter))[1] AS message
  FROM (SELECT e.*, coalesce(e.error_message, '') IN ('', 'unavailable') AS silent
          FROM spock.exception_log e
         WHERE NOT EXISTS (SELECT 1
                             FROM spock.exception_status s
                            WHERE s.remote_origin = e.remote_origin AND s.remote_commit_ts = e.remote_commit_ts
                              AND s.remote_xid = e.remote_xid AND s.resolved_at IS NOT NULL)
         LIMIT 1000) open
HAVING count(*) > 0;
