-- BDR 1.0: global locks as this node knows them. The node that asked for one has no row of it; on the others
-- `catchup` means not granted yet, `acquired` granted by this node. owner_created_lock_at is no position: it holds
-- microseconds since 2000-01-01, by this node's clock. Needs SELECT on it and on the columns of bdr.bdr_nodes.
SELECT g.locktype AS lock_type, coalesce(o.node_name, g.owning_sysid) AS origin, NULL::text AS relation,
       g.state AS stage,
       extract(epoch FROM clock_timestamp() - timestamptz '2000-01-01 00:00:00+00')::float8
         - (g.owner_created_lock_at - pg_lsn '0/0')::float8 / 1000000 AS age,
       NULL::int AS pid, NULL::text AS confirmed
  FROM bdr.bdr_global_locks g
  LEFT JOIN bdr.bdr_nodes o
         ON (o.node_sysid, o.node_timeline, o.node_dboid) = (g.owning_sysid, g.owning_timeline, g.owning_datid)
 ORDER BY 1, 2;
