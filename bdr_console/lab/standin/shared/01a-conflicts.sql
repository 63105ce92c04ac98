-- Conflicts as the stand-ins show them: real ones, which pglogical writes to the server's log and nowhere else.
-- The last 256 KiB of the log are read; bdr_standin.log in postgresql.conf names it.

CREATE FUNCTION bdr_standin.conflicts(
  OUT id bigint, OUT at timestamptz, OUT sub_id oid, OUT operation text, OUT missing boolean, OUT schema_name text,
  OUT table_name text, OUT resolution text, OUT local_tuple text, OUT remote_tuple text, OUT local_commit timestamptz,
  OUT remote_commit timestamptz, OUT remote_lsn pg_lsn, OUT remote_xid xid)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH log AS (
    SELECT encode(pg_read_binary_file(f.path, greatest(f.size - 262144, 0), 262144, true), 'escape') AS content
      FROM (SELECT current_setting('bdr_standin.log') AS path,
                   (pg_stat_file(current_setting('bdr_standin.log'), true)).size) f
  ), lines AS (
    SELECT n, line, lead(line) OVER (ORDER BY n) AS detail, lead(line, 2) OVER (ORDER BY n) AS context
      FROM log, regexp_split_to_table(log.content, '\n') WITH ORDINALITY AS t (line, n)
  )
  SELECT (extract(epoch FROM stamped.at) * 1000)::bigint * 1000 + n % 1000, stamped.at,
         substring(line FROM 'pglogical apply \d+:(\d+)')::oid,
         lower(substring(line FROM 'CONFLICT: remote (\w+)')), line LIKE '%tuple not found%',
         split_part(rel.name, '.', 1), split_part(rel.name, '.', 2),
         substring(line FROM 'Resolution: (\w+)'),
         substring(detail FROM 'existing local tuple (\{.*\}) xid='),
         substring(detail FROM 'remote tuple (\{.*\}) in xact'),
         substring(detail FROM 'xid=\d+,origin=\d+,timestamp=([^;]+);')::timestamptz,
         substring(detail FROM 'in xact origin=\d+,timestamp=(.+),commit_lsn')::timestamptz,
         substring(detail FROM 'commit_lsn=([0-9A-F/]+)')::pg_lsn,
         substring(context FROM 'xid (\d+) committed')::xid
    FROM lines,
         LATERAL (SELECT substring(line FROM '^\S+ \S+ \S+')::timestamptz AS at) stamped,
         LATERAL (SELECT substring(line FROM 'on relation (\S+)') AS name) rel
   WHERE line LIKE '%LOG:  CONFLICT: remote %'
$$;
