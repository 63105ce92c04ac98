-- BDR 1.0: global sequences of which this node has two chunks or fewer left. It asks the others for new ones in good
-- time, which takes a majority of them. Needs SELECT on bdr.bdr_sequence_values.
SELECT s.seqschema || '.' || s.seqname AS name,
       sum(CASE WHEN s.confirmed AND NOT s.emptied THEN upper(s.seqrange) - lower(s.seqrange) ELSE 0 END)::bigint AS values_left,
       sum(CASE WHEN s.confirmed AND NOT s.emptied THEN 1 ELSE 0 END)::int AS chunks
  FROM bdr.bdr_sequence_values s
 CROSS JOIN bdr.bdr_get_local_nodeid() l
 WHERE (s.owning_sysid, s.owning_tlid, s.owning_dboid) = (l.sysid, l.timeline, l.dboid)
 GROUP BY 1
HAVING sum(CASE WHEN s.confirmed AND NOT s.emptied THEN 1 ELSE 0 END) <= 2
 ORDER BY 1;
