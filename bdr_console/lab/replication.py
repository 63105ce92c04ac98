"""Multi-master replication, set up through the stand-in's BDR functions by the published steps."""

from collections.abc import Mapping
from importlib.resources import files

import psycopg
from psycopg import sql

from bdr_console.errors import ConsoleError
from bdr_console.lab import postgres, processes
from bdr_console.lab.layout import DATABASE, GROUP, Layout, NodeLayout

CLIENTS = 256
"""Counters that are there for clients of the load: one row each."""
HELD_CLIENT = -1
"""One more counter, for the transaction that is held open on purpose."""

_TABLES = """
CREATE TABLE public.counter (client int PRIMARY KEY, n bigint NOT NULL);
CREATE TABLE public.ledger (
  run bigint, client int, seq bigint, n bigint NOT NULL, at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run, client, seq));
ALTER TABLE public.counter OWNER TO app;
ALTER TABLE public.ledger OWNER TO app;
GRANT SELECT ON public.counter, public.ledger TO bdr_console;
SELECT pglogical.replication_set_add_table('default', 'public.counter');
SELECT pglogical.replication_set_add_table('default', 'public.ledger');
"""


def install(layout: Layout, node: NodeLayout, passwords: Mapping[str, str]) -> None:
    """Make the roles, the database and the stand-in on one node, and create its BDR node."""
    with postgres.session(layout, node, "postgres") as connection:
        _make_role(connection, "app", passwords["app"])
        _make_role(connection, "bdr_console", passwords["bdr_console"])
        connection.execute("GRANT pg_monitor, pg_signal_backend TO bdr_console")
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER app").format(sql.Identifier(DATABASE)))
    with postgres.session(layout, node) as connection:
        connection.execute("CREATE EXTENSION pglogical")
        for file in sorted(
            files("bdr_console.lab").joinpath("standin").iterdir(), key=lambda file: file.name
        ):
            if file.name.endswith(".sql"):
                connection.execute(file.read_text(encoding="utf-8").encode())
        connection.execute("GRANT bdr_read_all_stats, bdr_application TO bdr_console")
        connection.execute("GRANT USAGE ON SCHEMA pglogical TO bdr_console")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA pglogical TO bdr_console")
        connection.execute(
            "SELECT bdr.create_node(node_name := %s, local_dsn := %s)", (node.name, layout.dsn(node.port))
        )


def _make_role(connection: psycopg.Connection[tuple[object, ...]], name: str, password: str) -> None:
    """Only the password's SCRAM verifier reaches the server, so no log can hold the password."""
    verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
    connection.execute(
        sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
            sql.Identifier(name), sql.Literal(verifier.decode())
        )
    )


def form_group(layout: Layout) -> None:
    """Make the node group on the first node, join the others one by one, and create the load's tables."""
    first = layout.nodes[0]
    with postgres.session(layout, first) as connection:
        connection.execute("SELECT bdr.create_node_group(node_group_name := %s)", (GROUP,))
        connection.execute("SELECT bdr.wait_for_join_completion()")
    for node in layout.nodes[1:]:
        with postgres.session(layout, node, timeout=60) as connection:
            connection.execute(
                "SELECT bdr.join_node_group(join_target_dsn := %s, node_group_name := %s,"
                " wait_for_completion := false)",
                (layout.dsn(first.port), GROUP),
            )
            connection.execute("SELECT bdr.wait_for_join_completion()")
    with postgres.session(layout, first) as connection:
        connection.execute("SELECT bdr.replicate_ddl_command(%s)", (_TABLES,))
        connection.execute(
            "INSERT INTO counter SELECT client, 0 FROM generate_series(%s::int, %s::int) client",
            (HELD_CLIENT, CLIENTS - 1),
        )
    wait_seeded(layout)


def wait_seeded(layout: Layout) -> None:
    """Wait until every node has the load's tables and their first rows."""
    for node in layout.nodes:
        with postgres.session(layout, node) as connection:

            def seeded(connection: psycopg.Connection[tuple[object, ...]] = connection) -> bool:
                if connection.execute("SELECT to_regclass('public.counter')").fetchone() == (None,):
                    return False
                return connection.execute("SELECT count(*) FROM counter").fetchone() == (CLIENTS + 1,)

            if not processes.wait(seeded, 30):
                raise ConsoleError(
                    f"replication to {node.name} does not deliver the first rows: {troubles(layout)}"
                )


def troubles(layout: Layout) -> str:
    """What the nodes say is wrong with replication; empty when every link replicates."""
    found = []
    for node in layout.nodes:
        with postgres.session(layout, node) as connection:
            rows = connection.execute(
                "SELECT origin_name, subscription_status FROM bdr.subscription_summary"
                " WHERE subscription_status <> 'replicating' ORDER BY 1"
            ).fetchall()
        found += [f"{origin} -> {node.name}: {status}" for origin, status in rows]
    return ", ".join(found)


def subscription(layout: Layout, origin: str, target: str) -> str:
    """The subscription on `target` that receives from `origin`; raises ConsoleError when there is none."""
    layout.node(origin)
    with postgres.session(layout, layout.node(target)) as connection:
        row = connection.execute(
            "SELECT sub_name::text FROM bdr.subscription_summary WHERE origin_name = %s", (origin,)
        ).fetchone()
    if row is None:
        raise ConsoleError(
            f"{target} receives nothing from {origin}", "Name two different nodes: node1->node2."
        )
    return str(row[0])
