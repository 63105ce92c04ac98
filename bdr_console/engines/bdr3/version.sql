-- BDR 3 and later: its version, for example 3.7.23. (The extension's version may lag behind it.)
SELECT bdr.bdr_version() AS version;
