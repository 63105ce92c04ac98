-- Postgres-XC, X2 and XL, by their documentation: coordinators, datanodes and (XL) the transaction manager. Not
-- replication between masters but one sharded cluster: neither lag nor conflicts. The catalog does not mark the
-- coordinator that was asked; pgxc_node_name does, a parameter of every node.
SELECT n.node_name::text AS name, n.node_host || ':' || n.node_port AS state, true AS ready, NULL::text AS group_name,
       CASE n.node_type WHEN 'C' THEN 'coordinator' WHEN 'D' THEN 'datanode' WHEN 'G' THEN 'transaction manager'
                        ELSE n.node_type::text END AS kind,
       n.node_name = current_setting('pgxc_node_name', true) AS is_local
  FROM pg_catalog.pgxc_node n
 ORDER BY n.node_type, n.node_name;
