-- A STAND-IN with the SQL interface of BDR 1.0 over pglogical 2. It is not BDR.
-- Who a node is, what its names mean, and the calls that a switchover or a DBA uses.

CREATE FUNCTION bdr.bdr_version() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT '1.0.7-standin'::text $$;
CREATE FUNCTION bdr.bdr_version_num() RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT 10007 $$;
CREATE FUNCTION bdr.bdr_variant() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'BDR'::text $$;

CREATE FUNCTION bdr.bdr_get_local_nodeid(OUT sysid text, OUT timeline oid, OUT dboid oid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT c.system_identifier::text, 1::oid, d.oid
    FROM pg_control_system() c, pg_database d WHERE d.datname = current_database()
$$;

CREATE FUNCTION bdr.bdr_get_local_node_name() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT n.node_name FROM bdr.bdr_nodes n, bdr.bdr_get_local_nodeid() l
   WHERE (n.node_sysid, n.node_timeline, n.node_dboid) = (l.sysid, l.timeline, l.dboid)
$$;

CREATE FUNCTION bdr.bdr_is_active_in_db() RETURNS boolean
LANGUAGE sql STABLE AS $$ SELECT bdr.bdr_get_local_node_name() IS NOT NULL $$;

CREATE FUNCTION bdr.bdr_format_slot_name(
  remote_sysid text, remote_timeline oid, remote_dboid oid, local_dboid oid, replication_name name DEFAULT '')
RETURNS name LANGUAGE sql IMMUTABLE AS
$$ SELECT format('bdr_%s_%s_%s_%s__%s', local_dboid, remote_sysid, remote_timeline, remote_dboid, replication_name)::name $$;

CREATE FUNCTION bdr.bdr_parse_slot_name(
  slot_name name, OUT remote_sysid text, OUT remote_timeline oid, OUT remote_dboid oid, OUT local_dboid oid,
  OUT replication_name name)
LANGUAGE sql IMMUTABLE AS $$
  SELECT p[2], p[3]::oid, p[4]::oid, p[1]::oid, p[5]::name
    FROM (SELECT regexp_match(slot_name::text, '^bdr_(\d+)_(\d+)_(\d+)_(\d+)__(.*)$') AS p) parsed
$$;

CREATE FUNCTION bdr.bdr_parse_replident_name(
  replident text, OUT remote_sysid text, OUT remote_timeline oid, OUT remote_dboid oid, OUT local_dboid oid,
  OUT replication_name name)
LANGUAGE sql IMMUTABLE AS $$
  SELECT p[1], p[2]::oid, p[3]::oid, p[4]::oid, p[5]::name
    FROM (SELECT regexp_match(replident, '^bdr_(\d+)_(\d+)_(\d+)_(\d+)_(.*)$') AS p) parsed
$$;

-- One direction's name: of pglogical's subscription on the target, and of the origin's walsender.
CREATE FUNCTION bdr_standin.link_name(origin text, target text) RETURNS name
LANGUAGE sql IMMUTABLE AS $$ SELECT format('%s_%s', origin, target)::name $$;

CREATE FUNCTION bdr_standin.subscription_from(
  origin_sysid text, origin_timeline oid, origin_dboid oid, OUT sub_id oid, OUT sub_name name)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT s.sub_id, s.sub_name
    FROM bdr.bdr_nodes n JOIN pglogical.subscription s
      ON s.sub_name = bdr_standin.link_name(n.node_name, bdr.bdr_get_local_node_name())
   WHERE (n.node_sysid, n.node_timeline, n.node_dboid) = (origin_sysid, origin_timeline, origin_dboid)
$$;

CREATE FUNCTION bdr.bdr_get_apply_pid(sysid text, timeline oid, dboid oid) RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT a.pid
    FROM bdr_standin.subscription_from(sysid, timeline, dboid) s
    JOIN pg_stat_activity a ON a.backend_type LIKE 'pglogical apply %:' || s.sub_id
   LIMIT 1
$$;

CREATE FUNCTION bdr.bdr_apply_is_paused() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$ SELECT apply_paused FROM bdr_standin.switch $$;

CREATE FUNCTION bdr.bdr_apply_pause() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  UPDATE bdr_standin.switch SET apply_paused = true;
  PERFORM pglogical.alter_subscription_disable(s.sub_name, true) FROM pglogical.subscription s;
END $$;

CREATE FUNCTION bdr.bdr_apply_resume() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  UPDATE bdr_standin.switch SET apply_paused = false;
  PERFORM pglogical.alter_subscription_enable(s.sub_name, true) FROM pglogical.subscription s;
END $$;

CREATE FUNCTION bdr.terminate_apply_workers(sysid text, timeline oid, dboid oid) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS
$$ SELECT coalesce(pg_terminate_backend(bdr.bdr_get_apply_pid(sysid, timeline, dboid)), false) $$;

CREATE FUNCTION bdr.terminate_apply_workers(node_name text) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT bool_or(bdr.terminate_apply_workers(n.node_sysid, n.node_timeline, n.node_dboid))
    FROM bdr.bdr_nodes n WHERE n.node_name = terminate_apply_workers.node_name
$$;

-- The mark only, on this node and its peers' catalogs alike as far as the lab writes it: nothing refuses writes.
CREATE FUNCTION bdr.bdr_node_set_read_only(node_name text, read_only boolean) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS
$$ UPDATE bdr.bdr_nodes n SET node_read_only = read_only WHERE n.node_name = bdr_node_set_read_only.node_name $$;

CREATE FUNCTION bdr.bdr_replicate_ddl_command(cmd text) RETURNS void
LANGUAGE sql AS $$ SELECT pglogical.replicate_ddl_command(cmd, ARRAY['ddl_sql']) $$;
