-- pglogical 2: what watch mode reads, for one role; no DSN by SELECT.
-- Run it as a superuser in the replicated database of every node. The role must exist there:
--   CREATE ROLE :"role" LOGIN;
-- pglogical lets whoever may use the schema call show_subscription_status(), which names the provider's DSN:
-- keep passwords in .pgpass files, not in DSNs.
GRANT pg_monitor TO :"role";
GRANT USAGE ON SCHEMA pglogical TO :"role";
GRANT SELECT ON pglogical.node, pglogical.local_node, pglogical.subscription, pglogical.local_sync_status,
      pglogical.replication_set, pglogical.replication_set_table TO :"role";
