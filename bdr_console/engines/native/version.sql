-- PostgreSQL 10 and later: whether this database publishes or subscribes; NULL when it does neither. Any role.
SELECT CASE WHEN EXISTS (SELECT 1 FROM pg_publication)
              OR EXISTS (SELECT 1 FROM pg_subscription
                          WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()))
            THEN 'native' END AS version;
