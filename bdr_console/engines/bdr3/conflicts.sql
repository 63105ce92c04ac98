-- BDR 3.7 to PGD 6: conflicts of the last hour without the rows' contents; needs bdr_read_all_stats. The history is
-- partitioned by local_time: the limit on it keeps the old partitions out. 3.7 has other names, and neither origin nor LSN.
SELECT c.local_time AS at,
       coalesce(to_jsonb(c) ->> 'nspname', to_jsonb(c) ->> 'schema') || '.'
         || coalesce(to_jsonb(c) ->> 'relname', to_jsonb(c) ->> 'table') AS relation,
       c.conflict_type, c.conflict_resolution, c.local_tuple_commit_time, c.remote_commit_time,
       o.node_name AS origin,
       concat_ws('/', to_jsonb(c) ->> 'origin_node_id', to_jsonb(c) ->> 'remote_commit_lsn', to_jsonb(c) ->> 'remote_change_nr') AS change
  FROM bdr.conflict_history_summary c
  LEFT JOIN bdr.node_summary o ON o.node_id::text = to_jsonb(c) ->> 'origin_node_id'
 WHERE c.local_time > now() - interval '1 hour'
 ORDER BY c.local_time DESC
 LIMIT 50;
