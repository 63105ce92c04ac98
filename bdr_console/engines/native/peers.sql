-- Native logical replication: where this node's subscriptions connect to, asked by `init` alone and not granted for
-- watching: the connection string may hold a password. Needs a superuser, or SELECT on subconninfo.
SELECT NULL::text AS node_name, s.subconninfo AS dsn
  FROM pg_subscription s
 WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
 ORDER BY s.subname;
