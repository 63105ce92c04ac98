-- BDR 3.6 to PGD 6: the members and where others reach them, asked by `init` alone; needs bdr_read_all_stats.
SELECT s.node_name, s.interface_connstr AS dsn
  FROM bdr.node_summary s
 WHERE s.peer_state_name IS DISTINCT FROM 'PARTED'
 ORDER BY s.node_name;
