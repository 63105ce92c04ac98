-- BDR 3.6 to PGD 6: the members of the group as this node's catalog knows them, this node marked. Needs bdr_read_all_stats.
-- A node that has been created but not joined has a row with a NULL group (3.6.24 and later), or none.
-- node_kind_name: PGD 5 and later.
SELECT s.node_name, s.node_group_name, s.peer_state_name, s.peer_target_state_name,
       to_jsonb(s) ->> 'node_kind_name' AS node_kind,
       l.node_id IS NOT NULL AS is_local
  FROM bdr.node_summary s
  LEFT JOIN bdr.local_node_summary l ON l.node_id = s.node_id
 ORDER BY s.node_name;
