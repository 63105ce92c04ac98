"""The nodes' roles and database, and the first rows on every node; the rest is the engine's (meshes/)."""

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

from bdr_console.errors import ConsoleError
from bdr_console.lab import postgres, processes, tables
from bdr_console.lab.layout import DATABASE, Layout, NodeLayout
from bdr_console.lab.mesh import mesh_of


def install(layout: Layout, node: NodeLayout, passwords: Mapping[str, str]) -> None:
    """Make the roles on one server; on a node also the database and what replicates it."""
    with postgres.session(layout, node, "postgres") as connection:
        for role, password in passwords.items():
            if role != "postgres":
                _make_role(connection, role, password)
        connection.execute("GRANT pg_monitor, pg_signal_backend TO bdr_console")
        if node is not layout.control:
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER app").format(sql.Identifier(DATABASE)))
    if node is not layout.control:
        mesh_of(layout.engine).install(layout, node)


def _make_role(connection: psycopg.Connection[Any], name: str, password: str) -> None:
    """Only the password's SCRAM verifier reaches the server, so no log can hold the password."""
    verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
    connection.execute(
        sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
            sql.Identifier(name), sql.Literal(verifier.decode())
        )
    )


def form_group(layout: Layout) -> None:
    """Connect the nodes, and return when each has the load's tables and their first rows."""
    mesh = mesh_of(layout.engine)
    mesh.form(layout)
    for node in layout.nodes:
        with postgres.session(layout, node) as connection:

            def seeded(connection: psycopg.Connection[Any] = connection) -> bool:
                if connection.execute("SELECT to_regclass('public.counter')").fetchone() == (None,):
                    return False
                return connection.execute("SELECT count(*) FROM counter").fetchone() == (tables.FIRST_ROWS,)

            if not processes.wait(seeded, 30):
                raise ConsoleError(
                    f"replication to {node.name} does not deliver the first rows: {mesh.troubles(layout)}"
                )
