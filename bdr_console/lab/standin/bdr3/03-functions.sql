-- A STAND-IN with the SQL interface of BDR 3.7 over pglogical 2. It is not BDR.
-- Making a group, joining it, and the calls a switchover uses.

CREATE FUNCTION bdr.bdr_version() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT '3.7.23-standin'::text $$;
CREATE FUNCTION bdr.bdr_version_num() RETURNS int4 LANGUAGE sql IMMUTABLE AS $$ SELECT 30723 $$;
CREATE FUNCTION bdr.bdr_edition() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'SE'::text $$;

CREATE FUNCTION bdr.local_node_info(
  OUT node_id oid, OUT node_name name, OUT node_group_id oid, OUT node_group_name name)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS
$$ SELECT node_id, node_name, node_group_id, node_group_name FROM bdr.local_node_summary $$;

-- The name only: the stand-in keeps no group slot, which nobody would ever advance here.
CREATE FUNCTION bdr.local_group_slot_name() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS
$$ SELECT format('bdr_%s_%s', node_local_dbname, node_group_name) FROM bdr.local_node_summary $$;

CREATE FUNCTION bdr.create_node(node_name text, local_dsn text) RETURNS oid
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  id oid;
BEGIN
  IF bdr_standin.local_node_id() IS NOT NULL THEN
    RAISE EXCEPTION 'this database is already a BDR node';
  END IF;
  id := pglogical.create_node(node_name::name, local_dsn);
  INSERT INTO bdr_standin.node (node_id, node_name, dbname, dsn, state, target_state)
  VALUES (id, create_node.node_name, current_database(), local_dsn, 'CREATED', 'CREATED');
  RETURN id;
END $$;

CREATE FUNCTION bdr.create_node_group(
  node_group_name text, parent_group_name text DEFAULT NULL, join_node_group boolean DEFAULT true,
  node_group_type text DEFAULT NULL)
RETURNS oid
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  id oid := (hashtext(node_group_name) & 2147483647)::oid;
BEGIN
  IF bdr_standin.local_node_id() IS NULL THEN
    RAISE EXCEPTION 'no local BDR node exists' USING HINT = 'Call bdr.create_node() first.';
  END IF;
  IF parent_group_name IS NOT NULL THEN
    RAISE EXCEPTION 'this stand-in has no sub-groups';
  END IF;
  INSERT INTO bdr_standin.node_group VALUES (id, node_group_name, NULL);
  IF join_node_group THEN
    UPDATE bdr_standin.node n
       SET node_group_name = create_node_group.node_group_name, seq_id = 1, state = 'ACTIVE', target_state = 'ACTIVE'
     WHERE n.node_id = bdr_standin.local_node_id();
  END IF;
  RETURN id;
END $$;

-- Everything a join writes, here and on the peers, is written through connections of its own, each change its own
-- transaction: a slot is created only once all older transactions of its node have ended, this one among them.
CREATE FUNCTION bdr.join_node_group(
  join_target_dsn text, node_group_name text DEFAULT NULL, pause_in_standby boolean DEFAULT false,
  wait_for_completion boolean DEFAULT true, synchronize_structure text DEFAULT 'all')
RETURNS oid
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  me bdr_standin.node;
  peer bdr_standin.node;
  joined bdr_standin.node_group;
  tables bigint;
  next_seq int4;
  remember constant text :=
    'INSERT INTO bdr_standin.node (node_id, node_name, node_group_name, seq_id, dbname, dsn, state, target_state) '
    'VALUES (%L, %L, %L, %L, %L, %L, %L, %L)';
  subscribe constant text :=
    'SELECT pglogical.create_subscription(subscription_name := %L, provider_dsn := %L, '
    'synchronize_structure := false, synchronize_data := false, forward_origins := ''{}'')';
BEGIN
  SELECT * INTO me FROM bdr_standin.node n WHERE n.node_id = bdr_standin.local_node_id();
  IF me IS NULL THEN
    RAISE EXCEPTION 'no local BDR node exists' USING HINT = 'Call bdr.create_node() first.';
  ELSIF me.node_group_name IS NOT NULL THEN
    RAISE EXCEPTION 'node % is already in group %', me.node_name, me.node_group_name;
  ELSIF pause_in_standby THEN
    RAISE EXCEPTION 'this stand-in has no logical standby';
  ELSIF synchronize_structure NOT IN ('all', 'none') THEN
    RAISE EXCEPTION 'synchronize_structure is all or none, not %', synchronize_structure;
  END IF;

  SELECT * INTO joined FROM bdr_standin.dblink(join_target_dsn,
    'SELECT node_group_id, node_group_name, node_group_parent_id FROM bdr_standin.node_group')
    AS g (node_group_id oid, node_group_name name, node_group_parent_id oid);
  IF joined IS NULL THEN
    RAISE EXCEPTION 'the join target is in no node group' USING HINT = 'Call bdr.create_node_group() there first.';
  ELSIF node_group_name IS NOT NULL AND node_group_name <> joined.node_group_name THEN
    RAISE EXCEPTION 'the join target is in group %, not %', joined.node_group_name, node_group_name;
  END IF;
  SELECT n, s INTO tables, next_seq FROM bdr_standin.dblink(join_target_dsn,
    'SELECT (SELECT count(*) FROM pglogical.replication_set_table), (SELECT max(seq_id) + 1 FROM bdr_standin.node)')
    AS counted (n bigint, s int4);
  IF tables > 0 THEN
    RAISE EXCEPTION 'the group already replicates % tables: this stand-in copies no data to a joining node', tables
      USING HINT = 'Join every node first, then create the tables.';
  END IF;

  PERFORM bdr_standin.dblink_exec(me.dsn, format('INSERT INTO bdr_standin.node_group VALUES (%L, %L, %L)',
    joined.node_group_id, joined.node_group_name, joined.node_group_parent_id));
  PERFORM bdr_standin.dblink_exec(me.dsn, format(
    'UPDATE bdr_standin.node SET node_group_name = %L, seq_id = %L, state = ''JOINING'', target_state = ''ACTIVE'' '
    'WHERE node_id = %L', joined.node_group_name, next_seq, me.node_id));
  FOR peer IN SELECT * FROM bdr_standin.dblink(join_target_dsn, format(
      'SELECT node_id, node_name, node_group_name, seq_id, dbname, dsn, state, target_state '
      'FROM bdr_standin.node WHERE node_group_name = %L ORDER BY seq_id', joined.node_group_name))
      AS n (node_id oid, node_name name, node_group_name name, seq_id int4, dbname name, dsn text, state text, target_state text)
  LOOP
    PERFORM bdr_standin.dblink_exec(me.dsn, format(remember, peer.node_id, peer.node_name, peer.node_group_name,
      peer.seq_id, peer.dbname, peer.dsn, peer.state, peer.target_state));
    PERFORM bdr_standin.dblink_exec(peer.dsn, format(remember, me.node_id, me.node_name, joined.node_group_name,
      next_seq, me.dbname, me.dsn, 'JOINING', 'ACTIVE'));
    PERFORM FROM bdr_standin.dblink(me.dsn, format(subscribe,
      bdr_standin.link_name(joined.node_group_name, peer.node_name, me.node_name), peer.dsn)) AS made (id oid);
    PERFORM FROM bdr_standin.dblink(peer.dsn, format(subscribe,
      bdr_standin.link_name(joined.node_group_name, me.node_name, peer.node_name), me.dsn)) AS made (id oid);
  END LOOP;
  IF wait_for_completion THEN
    PERFORM bdr.wait_for_join_completion();
  END IF;
  RETURN me.node_id;
END $$;

-- Returns the local node's state, ACTIVE, once every link of it replicates both ways. Has no deadline of its own.
CREATE FUNCTION bdr.wait_for_join_completion(verbose_progress boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  me bdr_standin.node;
  peer bdr_standin.node;
  missing text;
  said text := '';
BEGIN
  LOOP
    SELECT * INTO me FROM bdr_standin.node n WHERE n.node_id = bdr_standin.local_node_id();
    IF me.node_group_name IS NULL THEN
      RAISE EXCEPTION 'the local node is not joining any group';
    END IF;
    EXIT WHEN me.state = 'ACTIVE';
    SELECT string_agg(what, ', ') INTO missing FROM (
      SELECT format('from %s: %s', origin_name, subscription_status) FROM bdr.subscription_summary
       WHERE subscription_status <> 'replicating'
      UNION ALL
      SELECT format('to %s: not connected', p.target_name) FROM bdr_standin.peer_slots() p
       WHERE NOT EXISTS (SELECT FROM pg_replication_slots s WHERE s.slot_name = p.slot_name AND s.active)) AS open (what);
    IF missing IS NULL THEN
      FOR peer IN SELECT * FROM bdr_standin.node n WHERE n.node_group_name = me.node_group_name LOOP
        PERFORM bdr_standin.dblink_exec(peer.dsn,
          format('UPDATE bdr_standin.node SET state = ''ACTIVE'' WHERE node_id = %L', me.node_id));
      END LOOP;
    ELSIF verbose_progress AND missing <> said THEN
      RAISE NOTICE '%', missing;
      said := missing;
    END IF;
    PERFORM pg_sleep(0.05);
  END LOOP;
  RETURN me.state;
END $$;

-- Waits until the slots have confirmed target_lsn (NULL: all that is written by now; slot_name NULL: every slot of the group).
-- Has no deadline of its own: set statement_timeout.
CREATE FUNCTION bdr.wait_slot_confirm_lsn(slot_name text DEFAULT NULL, target_lsn pg_lsn DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  target pg_lsn := coalesce(target_lsn, pg_current_wal_insert_lsn());
BEGIN
  IF slot_name IS NOT NULL AND NOT EXISTS (SELECT FROM bdr.node_slots s WHERE s.slot_name = wait_slot_confirm_lsn.slot_name) THEN
    RAISE EXCEPTION 'there is no slot "%"', slot_name;
  END IF;
  WHILE EXISTS (
    SELECT FROM bdr.node_slots s
     WHERE (wait_slot_confirm_lsn.slot_name IS NULL OR s.slot_name = wait_slot_confirm_lsn.slot_name)
       AND (s.confirmed_flush_lsn IS NULL OR s.confirmed_flush_lsn < target))
  LOOP
    PERFORM pg_sleep(0.1);
  END LOOP;
END $$;

CREATE FUNCTION bdr.alter_subscription_enable(subscription_name name DEFAULT NULL, immediate boolean DEFAULT false) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  RETURN coalesce((SELECT bool_and(pglogical.alter_subscription_enable(s.sub_name, immediate)) FROM pglogical.subscription s
    WHERE subscription_name IS NULL OR s.sub_name = subscription_name), false);
END $$;

CREATE FUNCTION bdr.alter_subscription_disable(subscription_name name DEFAULT NULL, immediate boolean DEFAULT false) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  RETURN coalesce((SELECT bool_and(pglogical.alter_subscription_disable(s.sub_name, immediate)) FROM pglogical.subscription s
    WHERE subscription_name IS NULL OR s.sub_name = subscription_name), false);
END $$;

-- pglogical replicates no DDL by itself: this runs ddl_cmd here and, in commit order, on every other node.
CREATE FUNCTION bdr.replicate_ddl_command(ddl_cmd text, replication_sets text[] DEFAULT NULL) RETURNS boolean
LANGUAGE sql AS
$$ SELECT pglogical.replicate_ddl_command(ddl_cmd, coalesce(replication_sets, ARRAY['ddl_sql'])) $$;
