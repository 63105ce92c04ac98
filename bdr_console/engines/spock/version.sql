-- Spock: its version, for example 6.0.0; any role that may use the schema.
SELECT spock.spock_version() AS version;
