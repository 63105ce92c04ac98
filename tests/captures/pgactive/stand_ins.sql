-- Functions and views of pgactive 2.1 that the engine's statements call, over the captured tables.
CREATE FUNCTION pgactive.pgactive_get_local_nodeid(OUT sysid text, OUT timeline oid, OUT dboid oid) LANGUAGE sql AS $$
    SELECT n.node_sysid, n.node_timeline, n.node_dboid
      FROM museum.here h
      JOIN pgactive.pgactive_nodes n ON n.node_name = h.node
$$;
CREATE FUNCTION pgactive.pgactive_is_apply_paused() RETURNS boolean LANGUAGE sql AS $$
    SELECT coalesce((SELECT pgactive_is_apply_paused FROM museum.node_info), false)
$$;
CREATE FUNCTION pgactive.pgactive_parse_slot_name(slot_name name, OUT remote_sysid text, OUT remote_timeline oid,
                                                  OUT remote_dboid oid, OUT local_dboid oid, OUT replication_name name)
LANGUAGE sql AS $$
    SELECT p[2], p[3]::oid, p[4]::oid, p[1]::oid, p[5]::name
      FROM (SELECT regexp_match(slot_name::text, '^pgactive_(\d+)_(\d+)_(\d+)_(\d+)_(.*)_$')) AS m(p)
$$;
CREATE FUNCTION pgactive.pgactive_get_workers_info() RETURNS SETOF pgactive.workers_info LANGUAGE sql AS $$
    SELECT * FROM pgactive.workers_info
$$;
CREATE VIEW museum.pg_stat_activity AS
    SELECT w.pid, NULL::text AS query, NULL::text AS state, NULL::timestamptz AS xact_start, 'pgactive'::text AS backend_type,
           ''::text AS application_name,
           NULL::name AS usename, NULL::inet AS client_addr, NULL::int AS client_port,
           NULL::text AS wait_event_type, NULL::text AS wait_event
      FROM pgactive.workers_info w;
CREATE OR REPLACE FUNCTION museum.current_setting(wanted text, missing_ok boolean) RETURNS text LANGUAGE sql AS $$
    SELECT (SELECT setting FROM pgactive.settings WHERE name = wanted)
$$;
