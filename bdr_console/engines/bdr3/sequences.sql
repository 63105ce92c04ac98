-- BDR 3.6 to PGD 6: sequences that hand out chunks agreed by Raft; needs bdr_read_all_stats.
SELECT nspname || '.' || relname AS name
  FROM bdr.sequences
 WHERE seqkind = 'galloc'
 ORDER BY 1
 LIMIT 50;
