-- A STAND-IN with the SQL interface of BDR 1.0 over pglogical 2. It is not BDR.
-- As in BDR 1.0 everybody may call the functions, and nobody but a superuser reads a table without a grant.

GRANT USAGE ON SCHEMA bdr TO PUBLIC;
GRANT USAGE ON SCHEMA bdr_standin TO PUBLIC;
GRANT USAGE ON SCHEMA pglogical TO PUBLIC;
