-- PGD 5 and 6: the nodes that are kept from becoming write leader. The manual grants this view to no monitoring role.
SELECT node_name, route_fence
  FROM bdr.node_routing_config_summary;
