-- PostgreSQL 10 and later: tables whose first copy is not done yet, by subscription; any role.
SELECT s.subname, count(*)::int AS waiting
  FROM pg_subscription_rel r
  JOIN pg_subscription s ON s.oid = r.srsubid
 WHERE r.srsubstate <> 'r' AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
 GROUP BY s.subname
 ORDER BY s.subname;
