-- PostgreSQL 10 and later: what this database publishes; any role.
SELECT pubname FROM pg_publication ORDER BY pubname;
