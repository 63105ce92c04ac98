-- BDR 3.7 to PGD 5: subscriptions that began twice or more at the same LSN and have applied nothing since; needs
-- bdr_read_all_stats.
SELECT sub_name, origin_node_name AS origin_name
  FROM bdr.replication_status
 WHERE replication_blocked;
