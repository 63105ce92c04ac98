-- Functions of Spock that the engine's statements call, over the captured tables.
CREATE FUNCTION spock.sub_show_status(OUT subscription_name text, OUT status text) RETURNS SETOF record LANGUAGE sql AS $$
    SELECT subscription_name, status FROM spock.sub_show_status
$$;
CREATE VIEW museum.pg_database AS SELECT 16384::oid AS oid, 'shop'::name AS datname;
CREATE VIEW museum.pg_stat_activity AS
    SELECT pid, application_name, backend_type, state, NULL::timestamptz AS xact_start, ''::text AS query,
           NULL::name AS usename, NULL::inet AS client_addr, NULL::int AS client_port,
           NULL::text AS wait_event_type, NULL::text AS wait_event
      FROM museum.pg_stat_activity_workers;
CREATE TABLE public.orders (id int PRIMARY KEY);
