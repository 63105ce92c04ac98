-- Spock, where spock.save_resolutions is on (it is off by default): conflicts of the last hour; needs SELECT on the table.
-- An update that meets another node's update leaves no row here.
SELECT r.log_time AS at, r.relname AS relation, r.conflict_type, r.conflict_resolution, n.node_name AS origin,
       concat_ws('/', r.remote_origin, r.remote_lsn, r.remote_xid) AS change,
       left(r.local_tuple, 1000) AS local_tuple, left(r.remote_tuple, 1000) AS remote_tuple,
       r.local_timestamp AS local_commit_at, r.remote_timestamp AS remote_commit_at
  FROM spock.resolutions r
  LEFT JOIN spock.node n ON n.node_id::text = r.remote_origin::text
 WHERE r.log_time > now() - interval '1 hour'
 ORDER BY r.log_time DESC
 LIMIT 50;
