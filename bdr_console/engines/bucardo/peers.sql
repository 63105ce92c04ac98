-- Bucardo 5, the control database: the databases it knows and where they are, asked by `init` alone and not granted
-- for watching. Never *: it holds passwords. Needs SELECT on these columns.
SELECT d.name AS node_name, d.dbhost AS host, d.dbport::text AS port, d.dbname
  FROM bucardo.db d
 ORDER BY d.name;
