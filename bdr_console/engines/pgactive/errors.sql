-- pgactive: transactions that the apply worker of each origin rolled back since the statistics were reset. Needs SELECT
-- on pgactive_stats and on the columns of pgactive_nodes that members.sql reads.
SELECT n.node_name AS origin, s.nr_rollback AS errors
  FROM pgactive.pgactive_stats s
 CROSS JOIN LATERAL regexp_match(s.riremoteid, '^pgactive_(\d+)_(\d+)_(\d+)_') p(part)
  JOIN pgactive.pgactive_nodes n
    ON (n.node_sysid, n.node_timeline, n.node_dboid) = (p.part[1], p.part[2]::oid, p.part[3]::oid)
 WHERE n.node_status::text <> 'k';
