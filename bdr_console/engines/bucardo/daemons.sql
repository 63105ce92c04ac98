-- Bucardo 5, any of its databases: the sessions of its daemons here. Each names itself: MCP and VAC, and for each
-- sync a CTL and a KID (which does the work). PostgreSQL 9.4 and later; needs pg_monitor (a superuser before 10):
-- hidden counts the sessions that this role may not see.
SELECT count(CASE WHEN query = '<insufficient privilege>' THEN 1 END)::int                        AS hidden,
       count(CASE WHEN application_name LIKE 'bucardo MCP %' THEN 1 END)::int                     AS mcp,
       array_agg(application_name::text || chr(10) || pid ORDER BY pid)
         FILTER (WHERE application_name LIKE 'bucardo KID (%')                                    AS kids
  FROM pg_stat_activity
 WHERE datname = current_database();
