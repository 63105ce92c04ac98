-- Client sessions without the one that asks. PostgreSQL 10 and later; needs pg_monitor (or pg_read_all_stats).
-- hidden: sessions of which this role may not see the state. uninherited: it is a member of pg_monitor and has none of its rights,
-- because of the grant (PostgreSQL 16) or of the role.
WITH seen AS (
    SELECT pid, state, xact_start, backend_type, query = '<insufficient privilege>' AS hidden
      FROM pg_stat_activity
     WHERE pid <> pg_backend_pid()
), clients AS (
    SELECT * FROM seen WHERE backend_type = 'client backend'
)
SELECT (SELECT count(*) FROM clients)                                                      AS total,
       (SELECT count(*) FROM clients WHERE state = 'active')                               AS active,
       (SELECT count(*) FROM clients WHERE state LIKE 'idle in transaction%')              AS idle_in_transaction,
       (SELECT count(*) FROM seen WHERE hidden)                                            AS hidden,
       CASE WHEN pg_has_role('pg_monitor'::name, 'MEMBER') AND NOT pg_has_role('pg_monitor'::name, 'USAGE')
            THEN CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'grant' ELSE 'role' END
        END                                                                                AS uninherited,
       oldest.pid                                                                          AS oldest_pid,
       extract(epoch FROM clock_timestamp() - oldest.xact_start)::float8                   AS oldest_transaction
  FROM (SELECT 1) one
  LEFT JOIN (SELECT pid, xact_start FROM clients WHERE xact_start IS NOT NULL ORDER BY xact_start LIMIT 1) oldest ON true;
