-- BDR 3.6 to PGD 6: replication sets, and the changes that each sends; needs bdr_read_all_stats.
SELECT set_name::text AS name, replicate_insert AS inserts, replicate_update AS updates, replicate_delete AS deletes,
       replicate_truncate AS truncates
  FROM bdr.replication_sets
 ORDER BY set_name;
