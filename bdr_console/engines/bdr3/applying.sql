-- BDR 3.7 to PGD 6, where bdr.track_subscription_apply (3.7: pglogical.track_subscription_apply) is on: how apply fares.
-- Needs bdr_read_all_stats.
SELECT sub_name, nerror, nretries, retries_at_same_lsn
  FROM bdr.stat_subscription;
