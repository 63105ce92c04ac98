-- PostgreSQL 10 and later: whether this database publishes or subscribes, and whether this role may see where to; NULL
-- when it does neither. Any role.
SELECT CASE WHEN EXISTS (SELECT 1 FROM pg_publication)
              OR EXISTS (SELECT 1 FROM pg_subscription
                          WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()))
            THEN CASE WHEN has_column_privilege('pg_subscription', 'subconninfo', 'SELECT')
                      THEN 'native with addresses' ELSE 'native' END
       END AS version;
