-- Bucardo 5, the control database: its version, where the role may read bucardo.bucardo_config (which may hold the
-- password of a mail account: better not granted). A replicated database does not know it.
SELECT CASE WHEN has_table_privilege(to_regclass('bucardo.bucardo_config')::oid, 'SELECT')
            THEN (xpath('/row/setting/text()', query_to_xml(
                   'SELECT setting FROM bucardo.bucardo_config WHERE name = ''bucardo_version''', false, true, '')))[1]::text
       END AS version;
