-- Any PostgreSQL from 10 on: what watch mode reads, for one role. Run it as a superuser in the database that the
-- configuration names, on every node. The role must exist there:
--   CREATE ROLE :"role" LOGIN;
-- PostgreSQL 9.4 to 9.6 have no pg_monitor: there sessions and walsenders of other roles are for superusers only.
GRANT pg_monitor TO :"role";
