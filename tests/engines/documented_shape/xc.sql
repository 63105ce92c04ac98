-- Postgres-XC, X2 and XL as its documentation describes it, as far as the console reads it. Made by hand: it was never run here.
SET allow_system_table_mods = on;
CREATE TABLE pg_catalog.pgxc_node (
    node_name name, node_type "char", node_port int, node_host name, nodeis_primary boolean, nodeis_preferred boolean, node_id int);
INSERT INTO pg_catalog.pgxc_node VALUES ('coord1', 'C', 5432, 'a', false, false, 1),
           ('coord2', 'C', 5432, 'b', false, false, 2),
           ('dn1', 'D', 15432, 'a', true, true, 3);
