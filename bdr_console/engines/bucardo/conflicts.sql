-- Bucardo 5, the control database: runs of the last hour that met conflicts. It counts them; which rows they were
-- and who won it does not keep.
SELECT r.ended AS at, r.sync, r.conflicts, s.conflict_strategy
  FROM bucardo.syncrun r
  LEFT JOIN bucardo.sync s ON s.name = r.sync
 WHERE r.conflicts > 0 AND r.ended > clock_timestamp() - interval '1 hour'
 ORDER BY r.ended DESC
 LIMIT 50;
