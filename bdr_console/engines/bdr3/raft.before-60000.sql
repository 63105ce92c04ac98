-- BDR 3.6 to PGD 5: what this node says of consensus; needs bdr_read_all_stats. It raises an error while the consensus
-- worker restarts. Never bdr.group_raft_details: that asks every node, and waits for one that does not answer.
SELECT NULL::text AS group_name, r.status ->> 'state' AS state, l.node_name AS leader,
       (r.status ->> 'current_term')::bigint AS term,
       (r.status ->> 'nodes')::int AS nodes, (r.status ->> 'voting_nodes')::int AS voting_nodes
  FROM (SELECT bdr.get_raft_status()::jsonb AS status) r
  LEFT JOIN bdr.node_summary l ON l.node_id::text = coalesce(r.status ->> 'leader_id', r.status ->> 'leader');
