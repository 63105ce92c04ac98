-- EDB Replication Server 7, by its documentation: the databases of the publication, as the controller's schema has
-- them. Needs SELECT on this column list (the table also holds passwords).
SELECT pub_db_id::text || ' ' || db_host || ':' || db_port || '/' || db_name AS name,
       'listed' AS state, true AS ready, NULL::text AS group_name, 'primary' AS kind, false AS is_local
  FROM _edb_replicator_pub.xdb_pub_database
 ORDER BY pub_db_id;
