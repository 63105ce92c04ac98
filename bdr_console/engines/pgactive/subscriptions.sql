-- pgactive: what this node receives, one row for each other member that has not been detached. A worker whose pid is
-- 0 does not run; last_error is a short word, the cause stands in the server log.
-- Needs SELECT on the named columns, EXECUTE on the functions; the query text, which holds the commit time of the
-- last transaction, needs pg_monitor.
SELECT n.node_name AS origin, nullif(w.pid, 0) AS apply_pid,
       substring(a.query FROM 'timestamp\): [0-9A-F/]+, (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.0-9]*[-+]\d\d[:0-9]*)')::timestamptz
                               AS last_commit_at,
       c.conn_replication_sets AS replication_sets,
       c.conn_apply_delay      AS apply_delay_ms,
       false                   AS unidirectional,
       w.last_error, w.last_error_time AS last_error_at
  FROM pgactive.pgactive_nodes n
 CROSS JOIN pgactive.pgactive_get_local_nodeid() l
  LEFT JOIN pgactive.pgactive_get_workers_info() w
         ON w.worker_type = 'apply'
        AND (w.sysid, w.timeline, w.dboid) = (n.node_sysid, n.node_timeline, n.node_dboid)
  LEFT JOIN pg_stat_activity a ON a.pid = nullif(w.pid, 0)
  LEFT JOIN pgactive.pgactive_connections c
         ON (c.conn_sysid, c.conn_timeline, c.conn_dboid) = (n.node_sysid, n.node_timeline, n.node_dboid)
 WHERE (n.node_sysid, n.node_timeline, n.node_dboid) <> (l.sysid, l.timeline, l.dboid)
   AND n.node_status::text <> 'k'
 ORDER BY n.node_name;
