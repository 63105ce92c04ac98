-- A STAND-IN with the SQL interface of BDR 3.7 over pglogical 2. It is not BDR.
--
-- Names and column types of schema bdr are those of BDR 3.7; what the views show is pglogical's live state,
-- and the replication beneath is real. What pglogical cannot do (global locks, consensus, parting) is
-- empty or missing here. No extension named bdr is installed: that tells a stand-in from BDR.
-- Schema bdr_standin holds what the stand-in itself remembers: which nodes form the group.

CREATE SCHEMA bdr;
COMMENT ON SCHEMA bdr IS 'bdr-console lab stand-in';

CREATE SCHEMA bdr_standin;
COMMENT ON SCHEMA bdr_standin IS 'bdr-console lab stand-in: its own memory and machinery';

CREATE EXTENSION dblink SCHEMA bdr_standin;

DO $$
DECLARE
  role name;
BEGIN
  FOREACH role IN ARRAY ARRAY['bdr_superuser', 'bdr_read_all_stats', 'bdr_application', 'bdr_read_all_conflicts'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', role);
    END IF;
  END LOOP;
END $$;

CREATE TABLE bdr_standin.node_group (
  node_group_id oid PRIMARY KEY,
  node_group_name name NOT NULL UNIQUE,
  node_group_parent_id oid
);

CREATE TABLE bdr_standin.node (
  node_id oid PRIMARY KEY,
  node_name name NOT NULL UNIQUE,
  node_group_name name REFERENCES bdr_standin.node_group (node_group_name),
  seq_id int4,
  dbname name NOT NULL,
  dsn text NOT NULL,
  state text NOT NULL,
  target_state text NOT NULL
);

CREATE FUNCTION bdr_standin.local_node_id() RETURNS oid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS
$$ SELECT node_id FROM pglogical.local_node $$;

-- One direction's name: of the subscription on the target, and the application_name of the origin's walsender.
CREATE FUNCTION bdr_standin.link_name(group_name name, origin name, target name) RETURNS name
LANGUAGE sql STABLE SET search_path = pg_catalog AS
$$ SELECT format('bdr_%s_%s_%s_%s', current_database(), group_name, origin, target)::name $$;

-- The slots that this node keeps for its peers, by the name pglogical gives them (long names carry a hash).
-- In PL/pgSQL, like the next one, for that keeps its plan: the real thing is C.
CREATE FUNCTION bdr_standin.peer_slots(OUT target_id oid, OUT target_name name, OUT slot_name name)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT peer.node_id, peer.node_name,
         pglogical.pglogical_gen_slot_name(
           current_database()::name, me.node_name,
           bdr_standin.link_name(me.node_group_name, me.node_name, peer.node_name))
    FROM bdr_standin.node me
    JOIN bdr_standin.node peer ON peer.node_group_name = me.node_group_name AND peer.node_id <> me.node_id
   WHERE me.node_id = bdr_standin.local_node_id();
END $$;

-- What this node receives: pglogical's own word for each subscription, and how far its origin has been applied.
-- The commit time is that of the newest transaction of that origin among the last 512 of this node, or NULL.
CREATE FUNCTION bdr_standin.subscription_state(
  OUT sub_id oid, OUT status text, OUT remote_lsn pg_lsn, OUT local_lsn pg_lsn, OUT last_commit timestamptz)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH newest AS (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS xid),
  applied AS (
    SELECT c.roident, max(c."timestamp") AS committed
      FROM newest, generate_series(1, 512) AS back,
           LATERAL pg_xact_commit_timestamp_origin(((newest.xid - back) % 4294967296)::text::xid) AS c
     WHERE newest.xid - back > 2 AND (newest.xid - back) % 4294967296 > 2 AND c.roident <> 0
     GROUP BY c.roident)
  SELECT s.sub_id, shown.status, progress.remote_lsn, progress.local_lsn, applied.committed
    FROM pglogical.subscription s
    JOIN pglogical.show_subscription_status() shown ON shown.subscription_name = s.sub_name::text
    LEFT JOIN pg_replication_origin origin ON origin.roname = s.sub_slot_name::text
    LEFT JOIN pg_replication_origin_status progress ON progress.local_id = origin.roident
    LEFT JOIN applied ON applied.roident = origin.roident;
END $$;
