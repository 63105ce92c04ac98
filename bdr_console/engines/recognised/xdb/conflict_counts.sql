-- EDB Replication Server 7, by its documentation: conflicts by kind (II, UU, UD, DU ...) and target; those with
-- resolution_status P wait for somebody.
SELECT 'to database ' || target_db_id AS origin,
       conflict_type || CASE WHEN resolution_status = 'P' THEN ', unresolved' ELSE '' END AS kind,
       count(*) AS count
  FROM _edb_replicator_pub.xdb_conflicts
 GROUP BY 1, 2
 ORDER BY 1, 2;
