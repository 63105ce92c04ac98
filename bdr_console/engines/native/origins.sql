-- PostgreSQL 10 and later: where subscriptions connect to, host and port alone; needs a superuser or
-- GRANT SELECT (subconninfo) ON pg_subscription, and goes without where that is not given.
-- The user's part of a URI and passwords are cut off first, so that nothing of them can be taken for a host or a port.
SELECT w.subname,
       CASE WHEN w.uri THEN substring(w.place FROM '^(\[[^]]*\]|[^:/?]+)')
            ELSE substring(w.place FROM '(?:^|\s)host(?:addr)?\s*=\s*''?([^''\s]+)') END              AS host,
       coalesce(CASE WHEN w.uri THEN substring(w.place FROM '^(?:\[[^]]*\]|[^:/?]*):([0-9]+)')
                     ELSE substring(w.place FROM '(?:^|\s)port\s*=\s*''?([0-9]+)') END, '5432')       AS port
  FROM (SELECT s.subname, s.subconninfo ~ '^postgres(ql)?://' AS uri,
               CASE WHEN s.subconninfo ~ '^postgres(ql)?://'
                    THEN regexp_replace(s.subconninfo, '^postgres(ql)?://([^/?]*@)?', '')
                    ELSE regexp_replace(s.subconninfo, 'password\s*=\s*(''(\\.|[^''\\])*''|\S+)', '', 'g') END AS place
          FROM pg_subscription s
         WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())) w;
