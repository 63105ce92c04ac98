-- A STAND-IN with the SQL interface of BDR 3.7 over pglogical 2. It is not BDR.
-- Who may read and call what: the roles of BDR 3.7.

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA bdr FROM PUBLIC;
GRANT USAGE ON SCHEMA bdr TO bdr_superuser, bdr_read_all_stats, bdr_application, bdr_read_all_conflicts;
GRANT ALL ON ALL FUNCTIONS IN SCHEMA bdr TO bdr_superuser;
GRANT SELECT ON ALL TABLES IN SCHEMA bdr TO bdr_superuser, bdr_read_all_stats;
REVOKE SELECT ON bdr.conflict_history FROM bdr_read_all_stats;
GRANT SELECT ON bdr.conflict_history TO bdr_read_all_conflicts;
GRANT EXECUTE ON FUNCTION bdr.bdr_version(), bdr.bdr_version_num(), bdr.bdr_edition(), bdr.local_node_info(),
  bdr.local_group_slot_name() TO bdr_read_all_stats, bdr_application;
GRANT EXECUTE ON FUNCTION bdr.wait_slot_confirm_lsn(text, pg_lsn) TO bdr_application;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA bdr_standin FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bdr_standin.local_node_id(), bdr_standin.peer_slots(), bdr_standin.subscription_state()
  TO bdr_superuser, bdr_read_all_stats, bdr_application;

GRANT EXECUTE ON FUNCTION bdr_standin.conflicts() TO bdr_superuser, bdr_read_all_stats, bdr_read_all_conflicts;
