-- BDR 1.0 and 2.0: conflicts counted here since the statistics were reset, by origin. Needs a superuser: the function
-- behind bdr.pg_stat_bdr refuses everybody else.
SELECT coalesce(n.node_name, p.remote_sysid) AS origin,
       s.nr_insert_conflict AS inserts, s.nr_update_conflict AS updates, s.nr_delete_conflict AS deletes
  FROM bdr.pg_stat_bdr s
 CROSS JOIN LATERAL bdr.bdr_parse_replident_name(s.riremoteid) p
  LEFT JOIN bdr.bdr_nodes n
         ON (n.node_sysid, n.node_timeline, n.node_dboid) = (p.remote_sysid, p.remote_timeline, p.remote_dboid)
 ORDER BY 1;
