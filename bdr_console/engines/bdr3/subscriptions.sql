-- BDR 3.6 to PGD 6: what this node receives, and from whom.
SELECT sub_name, origin_name, sub_enabled, subscription_status, last_xact_replay_timestamp
  FROM bdr.subscription_summary
 ORDER BY origin_name, sub_name;
