-- PGD 5 and 6: groups and sub-groups, and whether clients are routed to their write leader (PGD 5: by PGD Proxy,
-- PGD 6: by the Connection Manager, under another name). Needs bdr_read_all_stats.
SELECT node_group_name, parent_group_name, node_group_type AS kind,
       coalesce(to_jsonb(g) ->> 'enable_routing', to_jsonb(g) ->> 'enable_proxy_routing')::boolean AS routed
  FROM bdr.node_group_summary g
 ORDER BY parent_group_name NULLS FIRST, node_group_name;
