-- BDR 1.0 and 2.0: its version, for example 1.0.2-2016-11-15-1a2b3c4d5e; any role.
SELECT bdr.bdr_version() AS version;
