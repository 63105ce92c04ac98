-- pgactive: whether apply has been paused here, for all peers at once, and the settings that rule what the rest
-- means; any role.
SELECT pgactive.pgactive_is_apply_paused() AS apply_paused,
       coalesce(current_setting('pgactive.skip_ddl_replication', true), 'on')::boolean AS skips_ddl;
