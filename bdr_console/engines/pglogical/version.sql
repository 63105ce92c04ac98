-- pglogical 2: its version, for example 2.4.2; any role that may use the schema.
SELECT pglogical.pglogical_version() AS version;
