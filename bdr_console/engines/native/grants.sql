-- Native logical replication, PostgreSQL 10 and later: what watch mode reads, for one role; not the subscriptions'
-- DSNs (subconninfo). Run it as a superuser in the replicated database of every node. The role must exist there:
--   CREATE ROLE :"role" LOGIN;
GRANT pg_monitor TO :"role";
GRANT SELECT (oid, subdbid, subname, subenabled, subslotname, subpublications) ON pg_subscription TO :"role";
