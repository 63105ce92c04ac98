-- BDR 1.0 and 2.0: transactions that the apply worker of each origin rolled back since the statistics were reset; it
-- tries the same one again every few seconds. Needs a superuser: the function behind the view refuses everybody else.
SELECT n.node_name AS origin, b.nr_rollback AS errors
  FROM bdr.pg_stat_bdr b
 CROSS JOIN LATERAL bdr.bdr_parse_replident_name(b.riremoteid) p
  JOIN bdr.bdr_nodes n
    ON (n.node_sysid, n.node_timeline, n.node_dboid) = (p.remote_sysid, p.remote_timeline, p.remote_dboid)
 WHERE n.node_status::text <> 'k';
