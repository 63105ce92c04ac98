-- BDR 3.6 to PGD 4: the latest error of each subscription's workers; needs bdr_read_all_stats. They are kept for good,
-- and most were tried again with success: the time matters.
SELECT DISTINCT ON (sub_name) sub_name AS source, error_time AS at, left(error_message, 500) AS message
  FROM bdr.worker_errors
 WHERE sub_name IS NOT NULL
 ORDER BY sub_name, error_time DESC;
