-- pgactive: conflicts counted here since the statistics were reset, by origin. Needs SELECT on pgactive_stats and on
-- the columns of pgactive_nodes that members.sql reads.
SELECT coalesce(n.node_name, p.part[1]) AS origin,
       s.nr_insert_conflict AS inserts, s.nr_update_conflict AS updates, s.nr_delete_conflict AS deletes
  FROM pgactive.pgactive_stats s
 CROSS JOIN LATERAL regexp_match(s.riremoteid, '^pgactive_(\d+)_(\d+)_(\d+)_') p(part)
  LEFT JOIN pgactive.pgactive_nodes n
         ON (n.node_sysid, n.node_timeline, n.node_dboid) = (p.part[1], p.part[2]::oid, p.part[3]::oid)
 ORDER BY 1;
