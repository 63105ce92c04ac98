-- pgactive: conflicts that this node met in the last hour, newest first. Filled where
-- pgactive.log_conflicts_to_table is on. Every join leaves one about pgactive_nodes, which means nothing. The inner
-- query goes backwards through the primary key, so that a long history costs no more than a short one.
-- Needs SELECT on pgactive_conflict_history and on the columns of pgactive_nodes that members.sql reads.
SELECT h.local_conflict_time AS at, h.object_schema, h.object_name,
       h.conflict_type::text AS kind, h.conflict_resolution::text AS resolution,
       coalesce(n.node_name, h.remote_node_sysid) AS origin,
       h.remote_node_sysid, h.remote_txid::text AS remote_txid, h.remote_commit_lsn::text AS remote_commit_lsn,
       left(h.local_tuple::text, 1000) AS local_tuple, left(h.remote_tuple::text, 1000) AS remote_tuple,
       h.local_commit_time AS local_commit_at, h.remote_commit_time AS remote_commit_at, h.error_message AS error
  FROM (SELECT *
          FROM pgactive.pgactive_conflict_history
         ORDER BY local_node_sysid DESC, conflict_id DESC
         LIMIT 200) h
  LEFT JOIN pgactive.pgactive_nodes n ON n.node_sysid = h.remote_node_sysid AND n.node_status::text <> 'k'
 WHERE h.local_conflict_time > clock_timestamp() - interval '1 hour'
   AND coalesce(h.object_schema, '') <> 'pgactive'
 ORDER BY h.local_conflict_time DESC
 LIMIT 50;
