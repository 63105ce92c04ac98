-- Takes a transaction id: its commit is a record in the WAL that makes every peer say how far it has come, as the
-- logical message does that PostgreSQL 9.6 brought. Before 9.6; any role.
SELECT txid_current();
