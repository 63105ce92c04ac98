-- BDR 1.0 and 2.0: the members as this node's catalog knows them, this node marked. Nodes differ in it during a
-- join, and a parted node goes on calling itself ready. Needs SELECT on these columns (the DSNs are left alone).
SELECT n.node_name, n.node_status::text AS status, n.node_read_only AS read_only,
       (n.node_sysid, n.node_timeline, n.node_dboid) = (l.sysid, l.timeline, l.dboid) AS is_local
  FROM bdr.bdr_nodes n
 CROSS JOIN bdr.bdr_get_local_nodeid() l
 ORDER BY n.node_name;
