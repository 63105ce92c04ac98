-- Writes one logical message that no apply worker acts on. It flushes this server's WAL and makes every peer say
-- how far it has come; without it that word comes once a second. PostgreSQL 9.6 and later; any role.
SELECT pg_logical_emit_message(true, 'bdr_console', 'barrier');
