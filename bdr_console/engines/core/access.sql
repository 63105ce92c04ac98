-- Whether these roles could log in to these databases here: what the PgBouncers log in as, role by role in the first
-- array, its database in the second. PostgreSQL 9.4 and later; any role (limits in use need pg_monitor to be counted).
-- read_only: the setting that a new session of that role in that database would begin with.
WITH used AS (
    SELECT usesysid, datid, count(*)::int AS sessions
      FROM pg_stat_activity
     WHERE client_port IS NOT NULL
     GROUP BY usesysid, datid
)
SELECT w.role, w.database,
       r.oid IS NOT NULL                                                             AS role_exists,
       coalesce(r.rolcanlogin, false)                                                AS can_login,
       coalesce(r.rolsuper, false)                                                   AS superuser,
       coalesce(r.rolconnlimit, -1)                                                  AS role_limit,
       coalesce((SELECT sum(sessions) FROM used WHERE usesysid = r.oid), 0)::int     AS role_used,
       d.oid IS NOT NULL                                                             AS database_exists,
       coalesce(d.datallowconn, false)                                               AS allows,
       coalesce(d.datconnlimit, -1)                                                  AS database_limit,
       coalesce((SELECT sum(sessions) FROM used WHERE datid = d.oid), 0)::int        AS database_used,
       coalesce(has_database_privilege(r.oid, d.oid, 'CONNECT'), false)              AS may_connect,
       coalesce((SELECT lower(split_part(c, '=', 2)) IN ('on', 'true', 'yes', '1')
                   FROM pg_db_role_setting s, unnest(s.setconfig) c
                  WHERE s.setrole IN (0, r.oid) AND s.setdatabase IN (0, d.oid)
                    AND c LIKE 'default_transaction_read_only=%'
                  ORDER BY s.setrole <> 0 DESC, s.setdatabase <> 0 DESC
                  LIMIT 1), false)                                                   AS read_only
  FROM unnest(ARRAY['app'], ARRAY['app']) AS w(role, database)
  LEFT JOIN pg_roles r ON r.rolname = w.role
  LEFT JOIN pg_database d ON d.datname = w.database;
