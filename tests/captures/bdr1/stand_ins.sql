-- Functions of BDR 1.0 that the engine's statements call, over the captured tables.
CREATE FUNCTION bdr.bdr_get_local_nodeid(OUT sysid text, OUT timeline oid, OUT dboid oid) LANGUAGE sql AS $$
    SELECT coalesce(n.node_sysid, i.sysid), coalesce(n.node_timeline, i.timeline), coalesce(n.node_dboid, i.dboid)
      FROM museum.here h
      LEFT JOIN museum.node_info i ON true
      LEFT JOIN bdr.bdr_nodes n ON n.node_name = h.node
$$;
CREATE FUNCTION bdr.bdr_is_active_in_db() RETURNS boolean LANGUAGE sql AS $$
    SELECT coalesce((SELECT bdr_is_active_in_db FROM museum.node_info), true)
$$;
CREATE FUNCTION bdr.bdr_apply_is_paused() RETURNS boolean LANGUAGE sql AS $$
    SELECT coalesce((SELECT bdr_apply_is_paused FROM museum.node_info), false)
$$;
CREATE FUNCTION bdr.bdr_parse_slot_name(slot_name name, OUT remote_sysid text, OUT remote_timeline oid,
                                        OUT remote_dboid oid, OUT local_dboid oid, OUT replication_name name)
LANGUAGE sql AS $$
    SELECT p[2], p[3]::oid, p[4]::oid, p[1]::oid, p[5]::name
      FROM (SELECT regexp_match(slot_name::text, '^bdr_(\d+)_(\d+)_(\d+)_(\d+)_(.*)_$')) AS m(p)
$$;
CREATE FUNCTION bdr.bdr_parse_replident_name(replident text, OUT remote_sysid text, OUT remote_timeline oid,
                                             OUT remote_dboid oid, OUT local_dboid oid, OUT replication_name name)
LANGUAGE sql AS $$
    SELECT p[1], p[2]::oid, p[3]::oid, p[4]::oid, p[5]::name
      FROM (SELECT regexp_match(replident, '^bdr_(\d+)_(\d+)_(\d+)_(\d+)_(.*)$')) AS m(p)
$$;
-- The captures do not say which apply worker serves which origin; apply_pids.csv does.
CREATE FUNCTION bdr.bdr_get_apply_pid(sysid text, timeline oid, dboid oid) RETURNS integer LANGUAGE sql AS $$
    SELECT a.pid
      FROM museum.here h
      JOIN bdr.bdr_nodes n ON (n.node_sysid, n.node_timeline, n.node_dboid) = ($1, $2, $3)
      JOIN museum.apply_pids k ON k.node = h.node AND k.origin = n.node_name
      JOIN museum.pg_stat_activity a ON a.pid = k.pid
$$;
-- The view that BDR 2.0 has of its lock, with the columns and states of its source (none was run): node2 asks.
CREATE VIEW bdr.bdr_locks AS
    SELECT h.node = 'node2' AS owner_is_my_node, '7710822008222001274'::text AS owner_sysid, 'node2'::text AS owner_node_name,
           'ddl_lock'::text AS lock_mode,
           CASE WHEN h.node = 'node2' THEN 'acquire_tally_confirmations' ELSE 'peer_confirmed' END AS lock_state,
           CASE WHEN h.node = 'node2' THEN 4711 ELSE 0 END AS owner_local_pid, 2 AS npeers, 1 AS npeers_confirmed
      FROM museum.here h;
