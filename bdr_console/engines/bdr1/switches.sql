-- BDR 1.0 and 2.0: whether apply has been paused here, for all peers at once; any role.
SELECT bdr.bdr_apply_is_paused() AS apply_paused;
