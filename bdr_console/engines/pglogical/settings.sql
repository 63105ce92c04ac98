-- pglogical 2: what it does with rows that two nodes changed; any role.
SELECT current_setting('pglogical.conflict_resolution', true) AS conflict_resolution,
       current_setting('track_commit_timestamp', true)        AS track_commit_timestamp;
