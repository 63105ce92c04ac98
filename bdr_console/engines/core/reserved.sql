-- Connections that ordinary roles do not get. PostgreSQL 9.4 and later (reserved_connections from 16 on); any role.
SELECT coalesce(sum(setting::int), 0)::int AS reserved
  FROM pg_settings
 WHERE name IN ('superuser_reserved_connections', 'reserved_connections');
