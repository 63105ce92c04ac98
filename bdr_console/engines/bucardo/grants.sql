-- Bucardo 5: what watch mode reads, for one role; neither passwords nor connection strings (bucardo.db),
-- nor Bucardo's settings, which may hold a password for mail (its version stays unknown).
-- Run it as a superuser in the control database and in every replicated database. The role must exist there:
--   CREATE ROLE :"role" LOGIN;
GRANT USAGE ON SCHEMA bucardo TO :"role";

-- Sessions of the daemon and others; PostgreSQL before 10 has no pg_monitor and shows them to superusers only.
SELECT format('GRANT pg_monitor TO %I', :'role') WHERE EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'pg_monitor')
\gexec

-- The control database.
SELECT format('GRANT SELECT (name, status) ON bucardo.db TO %I', :'role')
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'bucardo' AND c.relname = 'db'
\gexec
SELECT format('GRANT SELECT ON bucardo.%I TO %I', c.relname, :'role')
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'bucardo' AND c.relkind IN ('r', 'v')
   AND c.relname IN ('sync', 'syncrun', 'dbmap')
 ORDER BY c.relname
\gexec

-- A replicated database: the rows that wait, also those of tables that are added later.
SELECT format('GRANT SELECT ON bucardo.%I TO %I', c.relname, :'role')
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'bucardo' AND c.relkind = 'r'
   AND (c.relname IN ('bucardo_delta_names', 'bucardo_delta_targets')
        OR c.relname LIKE 'delta\_%' OR c.relname LIKE 'track\_%')
 ORDER BY c.relname
\gexec
SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA bucardo GRANT SELECT ON TABLES TO %I',
              pg_get_userbyid(c.relowner), :'role')
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'bucardo' AND c.relname = 'bucardo_delta_names'
\gexec
