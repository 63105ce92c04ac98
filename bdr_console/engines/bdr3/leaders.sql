-- PGD 5 and 6: the write leader of each group, as this node knows it. The manual grants this view to no monitoring role.
SELECT node_group_name, write_lead, previous_write_lead, read_nodes::text[] AS read_nodes
  FROM bdr.node_group_routing_summary;
