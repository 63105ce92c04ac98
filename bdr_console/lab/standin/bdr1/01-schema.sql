-- A STAND-IN with the SQL interface of BDR 1.0 over pglogical 2. It is not BDR.
--
-- Names and column types of schema bdr are those of BDR 1.0; what the views show is pglogical's live state, and the
-- replication beneath is real. The server is a newer one than BDR 1.0 ran on. What pglogical cannot do (global locks
-- and sequences, statistics) is empty here. No extension named bdr is installed: that tells a stand-in from BDR.
-- Schema bdr_standin holds what the stand-in itself remembers and does.

CREATE SCHEMA bdr;
COMMENT ON SCHEMA bdr IS 'bdr-console lab stand-in';

CREATE SCHEMA bdr_standin;
COMMENT ON SCHEMA bdr_standin IS 'bdr-console lab stand-in: its own memory and machinery';

CREATE TABLE bdr_standin.switch (apply_paused boolean NOT NULL);
INSERT INTO bdr_standin.switch VALUES (false);

CREATE TABLE bdr.bdr_nodes (
  node_sysid text NOT NULL,
  node_timeline oid NOT NULL,
  node_dboid oid NOT NULL,
  node_status "char" NOT NULL,
  node_name text NOT NULL UNIQUE,
  node_local_dsn text,
  node_init_from_dsn text,
  node_read_only boolean DEFAULT false,
  PRIMARY KEY (node_sysid, node_timeline, node_dboid)
);

CREATE TABLE bdr.bdr_connections (
  conn_sysid text NOT NULL,
  conn_timeline oid NOT NULL,
  conn_dboid oid NOT NULL,
  conn_origin_sysid text NOT NULL,
  conn_origin_timeline oid NOT NULL,
  conn_origin_dboid oid NOT NULL,
  conn_is_unidirectional boolean NOT NULL DEFAULT false,
  conn_dsn text NOT NULL,
  conn_apply_delay integer,
  conn_replication_sets text[],
  PRIMARY KEY (conn_sysid, conn_timeline, conn_dboid, conn_origin_sysid, conn_origin_timeline, conn_origin_dboid)
);

-- pglogical has no global locks and no global sequences: these stay empty.
CREATE TABLE bdr.bdr_global_locks (
  locktype text, owning_sysid text, owning_timeline oid, owning_datid oid, owner_created_lock_at pg_lsn,
  acquired_sysid text, acquired_timeline oid, acquired_datid oid, acquired_lock_at pg_lsn, state text
);
CREATE TABLE bdr.bdr_sequence_values (
  owning_sysid text, owning_tlid oid, owning_dboid oid, owning_riname text, seqschema text, seqname text,
  seqrange int8range, failed boolean, confirmed boolean, emptied boolean, in_use boolean
);
