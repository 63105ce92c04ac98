-- PGD 5 and 6: the latest errors of workers during the last day; needs bdr_read_all_stats. The manual lists no columns for
-- this view: they are those of bdr.event_history, with the types of events in words.
SELECT e.event_source AS source, e.event_time AS at, left(e.event_text, 500) AS message
  FROM bdr.event_summary e
 WHERE e.event_sub_type::text ILIKE '%error%' AND e.event_time > now() - interval '1 day'
 ORDER BY e.event_time DESC
 LIMIT 50;
