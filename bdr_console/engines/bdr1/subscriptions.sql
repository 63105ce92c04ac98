-- BDR 1.0 and 2.0: what this node receives, one row for each other member that has not been parted. An apply worker
-- shows the origin's position and commit time of its last transaction in its query text (empty after a restart).
-- A connection row of this very pair comes before the default one (origin 0).
-- Needs SELECT on the named columns; the text needs a superuser (pg_monitor from 10 on).
SELECT n.node_name AS origin, w.pid AS apply_pid,
       substring(a.query FROM 'timestamp\): [0-9A-F/]+, (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.0-9]*[-+]\d\d[:0-9]*)')::timestamptz
                                AS last_commit_at,
       c.conn_replication_sets  AS replication_sets,
       c.conn_apply_delay       AS apply_delay_ms,
       c.conn_is_unidirectional AS unidirectional,
       NULL::text AS last_error, NULL::timestamptz AS last_error_at
  FROM bdr.bdr_nodes n
 CROSS JOIN bdr.bdr_get_local_nodeid() l
 CROSS JOIN LATERAL bdr.bdr_get_apply_pid(n.node_sysid, n.node_timeline, n.node_dboid) w(pid)
  LEFT JOIN pg_stat_activity a ON a.pid = w.pid
  LEFT JOIN LATERAL (SELECT b.conn_replication_sets, b.conn_apply_delay, b.conn_is_unidirectional
                       FROM bdr.bdr_connections b
                      WHERE (b.conn_sysid, b.conn_timeline, b.conn_dboid) = (n.node_sysid, n.node_timeline, n.node_dboid)
                        AND b.conn_origin_sysid IN ('0', l.sysid)
                      ORDER BY b.conn_origin_sysid = '0'
                      LIMIT 1) c ON true
 WHERE (n.node_sysid, n.node_timeline, n.node_dboid) <> (l.sysid, l.timeline, l.dboid)
   AND n.node_status::text <> 'k'
 ORDER BY n.node_name;
