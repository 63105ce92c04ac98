-- Bucardo 5, the control database: its syncs. What it says of their state is what was asked for, not how they are.
SELECT name, dbs, status, kidsalive, conflict_strategy
  FROM bucardo.sync
 ORDER BY name;
