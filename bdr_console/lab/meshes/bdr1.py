"""BDR 1.0 as a stand-in over pglogical: its tables, views and functions, on a newer server than its own."""

from typing import Any

import psycopg

from bdr_console.lab import postgres, processes
from bdr_console.lab.layout import Layout, NodeLayout
from bdr_console.lab.meshes.pglogical import Pglogical, standin


class Bdr1(Pglogical):
    """Schema `bdr` with BDR 1.0's names; what replicates beneath is pglogical."""

    name = "BDR 1.0 (stand-in over pglogical 2)"
    per_link = False

    def install(self, layout: Layout, node: NodeLayout) -> None:
        with postgres.session(layout, node) as connection:
            self.prepare(connection)
            for text in standin("bdr1"):
                connection.execute(text)
            connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA bdr TO bdr_console")
            connection.execute("SELECT pglogical.create_node(%s, %s)", (node.name, layout.dsn(node.port)))

    def form(self, layout: Layout) -> None:
        members = [self._identity(layout, node) for node in layout.nodes]
        for node in layout.nodes:
            with postgres.session(layout, node) as connection:
                for sysid, dboid, name, dsn in members:
                    connection.execute(
                        "INSERT INTO bdr.bdr_nodes VALUES (%s, 1, %s, 'r', %s, %s, NULL, false)",
                        (sysid, dboid, name, dsn),
                    )
                    connection.execute(
                        "INSERT INTO bdr.bdr_connections VALUES (%s, 1, %s, '0', 0, 0, false, %s, NULL,"
                        " '{default}')",
                        (sysid, dboid, dsn),
                    )
        super().form(layout)

    def _identity(self, layout: Layout, node: NodeLayout) -> tuple[str, int, str, str]:
        with postgres.session(layout, node) as connection:
            row = connection.execute("SELECT sysid, dboid FROM bdr.bdr_get_local_nodeid()").fetchone()
        assert row is not None  # noqa: S101 - the function always gives one
        return row[0], row[1], node.name, layout.dsn(node.port)

    def pause(self, layout: Layout, origin: str, receiver: str) -> None:
        """BDR 1.0 pauses a node, not a link: nothing is applied there, whoever it comes from."""
        layout.node(origin)
        with postgres.session(layout, layout.node(receiver)) as connection:
            connection.execute("SELECT bdr.bdr_apply_pause()")
            processes.wait(lambda: _workers(connection) == 0, 10)

    def resume(self, layout: Layout, origin: str, receiver: str) -> None:
        layout.node(origin)
        with postgres.session(layout, layout.node(receiver)) as connection:
            connection.execute("SELECT bdr.bdr_apply_resume()")

    def unpause(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute("SELECT bdr.bdr_apply_resume() WHERE bdr.bdr_apply_is_paused()")


def _workers(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pglogical apply %%'", ()
    ).fetchone()
    return int(row[0]) if row else 0
