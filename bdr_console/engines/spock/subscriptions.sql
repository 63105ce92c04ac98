-- Spock: what this node receives, and from whom; the worker is found by the name it gives itself (pg_monitor). Needs USAGE
-- on the schema, SELECT on subscription and node, EXECUTE on the function.
SELECT s.sub_name, n.node_name AS origin_name, s.sub_enabled, f.status, w.pid, s.sub_slot_name,
       s.sub_replication_sets::text[] AS replication_sets, s.sub_forward_origins::text[] AS forward_origins,
       extract(epoch FROM s.sub_apply_delay)::float8 AS apply_delay
  FROM spock.subscription s
  JOIN spock.node n ON n.node_id = s.sub_origin
  LEFT JOIN spock.sub_show_status() f ON f.subscription_name = s.sub_name::text
  LEFT JOIN pg_stat_activity w
         ON w.application_name = 'spock apply '
              || (SELECT oid FROM pg_database WHERE datname = current_database()) || ':' || s.sub_id
 ORDER BY n.node_name, s.sub_name;
