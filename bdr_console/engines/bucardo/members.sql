-- Bucardo 5, the control database: the databases it knows, and their parts in its groups. Never *: it holds passwords.
SELECT d.name, d.status, string_agg(DISTINCT m.role, ', ')    AS roles,
       string_agg(DISTINCT m.dbgroup, ', ')                    AS dbgroups
  FROM bucardo.db d
  LEFT JOIN bucardo.dbmap m ON m.db = d.name
 GROUP BY d.name, d.status
 ORDER BY d.name;
