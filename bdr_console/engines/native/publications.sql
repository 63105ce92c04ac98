-- PostgreSQL 10 and later: what this database publishes, and which changes (truncate from 11, by the root of partitions from 13
-- on: a column that a version lacks is looked up as JSON, where a missing one is NULL); any role.
SELECT p.pubname::text AS name, p.puballtables AS all_tables, p.pubinsert AS inserts, p.pubupdate AS updates, p.pubdelete AS deletes,
       coalesce((j.publication ->> 'pubtruncate')::boolean, true) AS truncates
  FROM pg_publication p
 CROSS JOIN LATERAL (SELECT to_jsonb(p) AS publication) j
 ORDER BY p.pubname;
