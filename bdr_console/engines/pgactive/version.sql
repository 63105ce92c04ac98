-- pgactive: the version of its library, for example 2.1.9-2026-08-01-1a2b3c4 (the extension's may lag behind it);
-- any role.
SELECT pgactive.pgactive_version() AS version;
