-- SymmetricDS 3.15 as its documentation describes it, as far as the console reads it. Made by hand: it was never run here.
CREATE SCHEMA sync;
CREATE TABLE sync.sym_node (node_id text, node_group_id text, external_id text, sync_enabled smallint);
CREATE TABLE sync.sym_node_identity (node_id text);
CREATE TABLE sync.sym_outgoing_batch (
    batch_id bigint, node_id text, channel_id text, status text, error_flag smallint, sql_message text,
    data_row_count bigint, conflict_win_count bigint DEFAULT 0, conflict_lose_count bigint DEFAULT 0,
    create_time timestamp);
CREATE TABLE sync.sym_incoming_error (
    batch_id bigint, node_id text, failed_row_number bigint, target_table_name text, event_type text,
    resolve_ignore smallint, conflict_id text, create_time timestamp);
INSERT INTO sync.sym_node VALUES ('store-1', 'store', '1', 1),
           ('corp', 'corp', 'corp', 1),
           ('old', 'store', '2', 0);
INSERT INTO sync.sym_node_identity VALUES ('corp');
INSERT INTO sync.sym_outgoing_batch (batch_id, node_id, channel_id, status, sql_message, data_row_count, conflict_lose_count) VALUES
    (1, 'store-1', 'sale', 'OK', NULL, 50, 2),
           (2, 'store-1', 'sale', 'ER', 'duplicate <key>', 4, 0),
           (3, 'store-1', 'sale', 'NE', NULL, 3, 0);
INSERT INTO sync.sym_incoming_error VALUES (7, 'store-1', 1, 'item', 'U', 0, 'by_time', '2026-03-01 12:00:00');
