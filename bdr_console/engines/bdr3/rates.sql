-- PGD 4 to 6, and BDR 3 with bdr-enterprise: the engine's own estimate until each peer has caught up; needs
-- bdr_read_all_stats.
SELECT target_name, extract(epoch FROM catchup_interval)::float8 AS catchup_seconds
  FROM bdr.node_replication_rates;
