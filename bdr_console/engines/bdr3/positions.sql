-- BDR 3.6 to PGD 6: how far each peer has applied what this node wrote, as its walsender hears it.
SELECT s.target_name, s.active, CASE WHEN s.active THEN s.replay_lsn END::text AS replay_lsn
  FROM bdr.node_slots s
 WHERE NOT s.is_group_slot
   AND NOT coalesce((to_jsonb(s) ->> 'is_decoder_slot')::boolean, false)
 ORDER BY s.target_name, s.slot_name;
