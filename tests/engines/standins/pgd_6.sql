-- STAND-IN, from documentation: the part of PGD 6 that the console reads, as tables with the columns that the manual
-- lists for its views (but xmin, which a table cannot have). The product itself is not to be had; no row here ever came from it.
-- The test that loads this puts the rows in.
CREATE SCHEMA bdr;

CREATE TABLE bdr.node_summary (
  node_name name, node_group_name name, interface_connstr text, peer_state_name text, peer_target_state_name text,
  node_seq_id int4, node_local_dbname name, node_id oid, node_group_id oid, node_kind_name name, node_uuid uuid
);

CREATE TABLE bdr.standin_local (node_name name);
CREATE VIEW bdr.local_node_summary AS SELECT * FROM bdr.node_summary JOIN bdr.standin_local USING (node_name);

CREATE TABLE bdr.node_slots (
  target_dbname name, node_group_name name, node_group_id oid, origin_name name, target_name name, origin_id oid,
  target_id oid, local_slot_name name, slot_name name, is_group_slot boolean, is_decoder_slot boolean, plugin name,
  slot_type text, datoid oid, database name, temporary bool, active bool, active_pid int4,
  catalog_xmin xid, restart_lsn pg_lsn, confirmed_flush_lsn pg_lsn, usesysid oid, usename name,
  application_name text, client_addr inet, client_hostname text, client_port int4, backend_start timestamptz,
  state text, sent_lsn pg_lsn, write_lsn pg_lsn, flush_lsn pg_lsn, replay_lsn pg_lsn, write_lag interval,
  flush_lag interval, replay_lag interval, sent_lag_bytes int8, write_lag_bytes int8, flush_lag_bytes int8,
  replay_lag_bytes int8, sent_lag_size text, write_lag_size text, flush_lag_size text, replay_lag_size text
);

CREATE TABLE bdr.subscription_summary (
  node_group_name name, sub_name name, origin_name name, target_name name, sub_enabled bool, sub_slot_name name,
  sub_replication_sets text[], sub_forward_origins text[], sub_apply_delay interval, sub_origin_name name,
  bdr_subscription_mode char, subscription_status text, node_group_id oid, sub_id oid, origin_id oid,
  target_id oid, receive_lsn pg_lsn, receive_commit_lsn pg_lsn, last_xact_replay_lsn pg_lsn,
  last_xact_flush_lsn pg_lsn, last_xact_replay_timestamp timestamptz
);

CREATE TABLE bdr.global_locks (
  origin_node_id oid, origin_node_name name, lock_type text, relation text, pid int4, acquire_stage text,
  waiters int4, global_lock_request_time timestamptz, local_lock_request_time timestamptz,
  last_state_change_time timestamptz
);

CREATE TABLE bdr.workers (
  worker_pid int, worker_role int, worker_role_name text, worker_subid oid
);

CREATE TABLE bdr.stat_subscription (
  sub_name name, subid oid, mean_apply_time float8, nconnect bigint, ncommit bigint, nabort bigint, nerror bigint,
  nskippedtx bigint, ninsert bigint, nupdate bigint, ndelete bigint, ntruncate bigint, nddl bigint,
  ndeadlocks bigint, nretries bigint, connect_time timestamptz, last_disconnect_time timestamptz, start_lsn pg_lsn,
  retries_at_same_lsn bigint, curr_ncommit bigint
);

CREATE TABLE bdr.event_summary (
  event_node_id oid, event_type text, event_sub_type text, event_source text, event_time timestamptz,
  event_text text, event_detail text
);

CREATE TABLE bdr.conflict_history_summary (
  nspname text, relname text, origin_node_id oid, remote_commit_lsn pg_lsn, remote_change_nr oid,
  local_time timestamptz, local_tuple_commit_time timestamptz, remote_commit_time timestamptz, conflict_type text,
  conflict_resolution text
);

CREATE TABLE bdr.sequences (
  nspname name, relname name, seqkind text
);

CREATE TABLE bdr.node_replication_rates (
  peer_node_id oid, target_name name, sent_lsn pg_lsn, replay_lsn pg_lsn, replay_lag interval,
  replay_lag_bytes int8, replay_lag_size text, apply_rate bigint, catchup_interval interval
);

CREATE TABLE bdr.node_group_summary (
  node_group_name name, default_repset name, parent_group_name name, node_group_type text, apply_delay interval,
  check_constraints boolean, num_writers integer, enable_wal_decoder boolean, streaming_mode text,
  default_commit_scope name, location name, enable_routing boolean, enable_raft boolean,
  route_writer_max_lag bigint, route_reader_max_lag bigint, route_writer_wait_flush boolean
);

CREATE TABLE bdr.node_group_routing_summary (
  node_group_name name, write_lead name, previous_write_lead name, read_nodes name[]
);

CREATE TABLE bdr.node_routing_config_summary (
  node_name name, route_priority int4, route_fence boolean, route_writes boolean, route_reads boolean,
  route_dsn text
);

CREATE TABLE bdr.stat_raft_state (
  group_name name, raft_stat text, leader_name name, voted_for_name name, is_voting boolean,
  heartbeat_timeout_ms bigint, heartbeat_elapsed_ms bigint, current_term bigint, commit_index bigint,
  apply_index bigint, last_log_term bigint, last_log_index bigint, oldest_log_index bigint,
  newest_prunable_log_index bigint, snapshot_term bigint, snapshot_index bigint, nnodes int, nvoting_nodes int
);

CREATE FUNCTION bdr.bdr_version() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT '6.0.1'::text $$;

CREATE TABLE bdr.replication_sets (
  set_id oid, set_name name, replicate_insert bool, replicate_update bool, replicate_delete bool,
  replicate_truncate bool, set_isinternal bool, set_autoadd_tables bool, set_autoadd_seqs bool
);

CREATE TABLE bdr.tables (
  relid oid, nspname name, relname name, set_name name, set_ops text[], rel_columns text[], row_filter text,
  conflict_detection text
);

-- A table of the application, for pg_class to know.
CREATE SCHEMA app;
CREATE TABLE app.orders (id int PRIMARY KEY);
