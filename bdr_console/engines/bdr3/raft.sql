-- PGD 6: what this node says of consensus in each of its groups; needs bdr_read_all_stats.
SELECT group_name, 'RAFT_' || raft_stat AS state, leader_name AS leader,
       current_term::bigint AS term, nnodes::int AS nodes, nvoting_nodes::int AS voting_nodes
  FROM bdr.stat_raft_state
 ORDER BY group_name;
