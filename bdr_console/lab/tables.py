"""The tables that the load writes, the same on every node whatever replicates them."""

CLIENTS = 256
"""Counters that are there for clients of the load: one row each."""
HELD_CLIENT = -1
"""One more counter, for the transaction that is held open on purpose."""
CONFLICT_CLIENT = -2
"""One more counter, for the row that two nodes change at the same time on purpose."""

DIRECT_CLIENT = -3
"""One more counter, for the transaction that a client past the PgBouncers holds open."""

DEFINITIONS = """
CREATE TABLE public.counter (client int PRIMARY KEY, n bigint NOT NULL);
CREATE TABLE public.ledger (
  run bigint, client int, seq bigint, n bigint NOT NULL, at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run, client, seq));
ALTER TABLE public.counter OWNER TO app;
ALTER TABLE public.ledger OWNER TO app;
GRANT SELECT ON public.counter, public.ledger TO bdr_console;
"""

TO_PGLOGICAL = """
SELECT pglogical.replication_set_add_table('default', 'public.counter');
SELECT pglogical.replication_set_add_table('default', 'public.ledger');
"""

FIRST_ROWS = CLIENTS + 3
ROWS = "INSERT INTO public.counter SELECT client, 0 FROM generate_series(-3, 255) client"
"""DIRECT_CLIENT to CLIENTS - 1."""
