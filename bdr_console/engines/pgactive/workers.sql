-- pgactive: the worker of this database, which starts all others. When it cannot start (a setting differs between
-- the nodes) its pid is 0 and only the server log says why. Needs EXECUTE on the function.
SELECT nullif(pid, 0) AS pid, last_error
  FROM pgactive.pgactive_get_workers_info()
 WHERE worker_type = 'per-db';
