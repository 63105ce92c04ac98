-- Spock: conflicts met by each subscription since the statistics were reset; needs SELECT on the view.
SELECT sub_name, n_conflict::bigint AS conflicts
  FROM spock.channel_summary_stats
 WHERE n_conflict > 0
 ORDER BY sub_name;
