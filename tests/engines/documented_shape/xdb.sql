-- EDB Replication Server 7 as its documentation describes it, as far as the console reads it. Made by hand: it was never run here.
CREATE SCHEMA _edb_replicator_pub;
CREATE TABLE _edb_replicator_pub.xdb_pub_database (
    pub_db_id int, db_host text, db_port int, db_name text, db_user text, db_password text);
CREATE TABLE _edb_replicator_pub.rrep_tables (table_id int, table_name text);
CREATE TABLE _edb_replicator_pub.xdb_conflicts (
    conflict_type text, table_id int, pk_value text, src_db_id int, src_rrep_sync_id bigint, target_db_id int,
    target_rrep_sync_id bigint, resolution_status text, notes text);
CREATE TABLE _edb_replicator_pub."rrst_edb_dept" (rrep_sync_id bigint);
INSERT INTO _edb_replicator_pub.xdb_pub_database
    VALUES (1, 'a', 5444, 'edb', 'u', 'never-shown'),
           (2, 'b', 5444, 'edb', 'u', 'never-shown');
INSERT INTO _edb_replicator_pub.rrep_tables VALUES (9, 'dept');
INSERT INTO _edb_replicator_pub.xdb_conflicts (conflict_type, table_id, target_db_id, resolution_status)
    VALUES ('UU', 9, 2, 'P'),
           ('II', 9, 2, 'C');
INSERT INTO _edb_replicator_pub.rrst_edb_dept VALUES (1),
           (2),
           (3);
