-- pgactive: the members as this node's catalog knows them, this node marked; a detached node may go on calling
-- itself ready. Needs SELECT on these columns (the DSNs are left alone) and EXECUTE on the function.
SELECT n.node_name, n.node_status::text AS status, n.node_read_only AS read_only,
       (n.node_sysid, n.node_timeline, n.node_dboid) = (l.sysid, l.timeline, l.dboid) AS is_local
  FROM pgactive.pgactive_nodes n
 CROSS JOIN pgactive.pgactive_get_local_nodeid() l
 ORDER BY n.node_name;
