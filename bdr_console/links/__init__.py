"""How bytes reach a server: PostgreSQL, PgBouncer's console, HAProxy's socket. No judgement here."""
