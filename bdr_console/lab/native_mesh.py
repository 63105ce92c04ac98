"""PostgreSQL's own logical replication both ways, `origin = none`: from 16 on."""

from itertools import permutations

import psycopg
from psycopg import sql

from bdr_console.errors import ConsoleError
from bdr_console.lab import postgres_nodes, workload
from bdr_console.lab.layout import Layout, NodeLayout

_PUBLICATION = "lab"


class NativeMesh:
    """One publication on every node, and a subscription for every ordered pair of nodes."""

    name = "native logical replication, origin = none"
    control: str | None = None
    per_link = True

    def install(self, layout: Layout, node: NodeLayout) -> None:
        with postgres_nodes.session(layout, node) as connection:
            connection.execute(workload.TABLES)
            connection.execute(
                sql.SQL("CREATE PUBLICATION {} FOR TABLE public.counter, public.ledger").format(
                    sql.Identifier(_PUBLICATION)
                )
            )
            # Every column but the connection string, which may hold a password.
            columns = connection.execute(
                "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attnum > 0"
                " AND attrelid = 'pg_catalog.pg_subscription'::regclass AND attname <> 'subconninfo'"
            ).fetchone()
            connection.execute(
                f"GRANT SELECT ({columns[0] if columns else 'oid'}) ON pg_subscription TO bdr_console"
            )

    def form(self, layout: Layout) -> None:
        for origin, receiver in permutations(layout.nodes, 2):
            with postgres_nodes.session(layout, receiver) as connection:
                connection.execute(
                    sql.SQL(
                        "CREATE SUBSCRIPTION {} CONNECTION {} PUBLICATION {}"
                        " WITH (origin = none, copy_data = false)"
                    ).format(
                        sql.Identifier(_name(origin.name, receiver.name)),
                        sql.Literal(layout.dsn(origin.port)),
                        sql.Identifier(_PUBLICATION),
                    )
                )
        with postgres_nodes.session(layout, layout.nodes[0]) as connection:
            connection.execute(workload.ROWS)

    def troubles(self, layout: Layout) -> str:
        found = []
        for node in layout.nodes:
            with postgres_nodes.session(layout, node) as connection:
                rows = connection.execute(
                    "SELECT s.subname, s.subenabled FROM pg_subscription s"
                    " WHERE NOT EXISTS (SELECT FROM pg_stat_subscription w"
                    "                    WHERE w.subid = s.oid AND w.pid IS NOT NULL)"
                    " ORDER BY 1"
                ).fetchall()
            found += [f"{name}: {'no apply worker' if enabled else 'disabled'}" for name, enabled in rows]
        return ", ".join(found)

    def pause(self, layout: Layout, origin: str, receiver: str) -> None:
        self._switch(layout, origin, receiver, "DISABLE")

    def resume(self, layout: Layout, origin: str, receiver: str) -> None:
        self._switch(layout, origin, receiver, "ENABLE")

    def _switch(self, layout: Layout, origin: str, receiver: str, act: str) -> None:
        layout.node(origin)
        with postgres_nodes.session(layout, layout.node(receiver)) as connection:
            try:
                connection.execute(
                    sql.SQL("ALTER SUBSCRIPTION {} " + act).format(sql.Identifier(_name(origin, receiver)))
                )
            except psycopg.errors.UndefinedObject:
                raise ConsoleError(
                    f"{receiver} receives nothing from {origin}", "Name two different nodes: node1->node2."
                ) from None

    def set_delay(self, layout: Layout, origin: str, receiver: str, milliseconds: int) -> None:
        raise ConsoleError(
            "native logical replication cannot apply late", "Try pause-apply, or a lab of another engine."
        )

    def end_delays(self, layout: Layout) -> None:
        """There are none."""

    def restart(self, layout: Layout) -> None:
        for origin, receiver in permutations(layout.nodes, 2):
            self.resume(layout, origin.name, receiver.name)

    def forget_conflicts(self, layout: Layout) -> None:
        for node in layout.nodes:
            with postgres_nodes.session(layout, node) as connection:
                connection.execute("SELECT pg_stat_reset_subscription_stats(NULL)")

    def caught_up(self, layout: Layout, node: NodeLayout) -> bool:
        with postgres_nodes.session(layout, node, timeout=10) as connection:
            counted = connection.execute(
                "SELECT count(*) FILTER (WHERE r.state = 'streaming'"
                "   AND pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn) < 1048576),"
                " (SELECT count(*) FROM pg_stat_subscription WHERE pid IS NOT NULL AND relid IS NULL)"
                " FROM pg_replication_slots s JOIN pg_stat_replication r ON r.pid = s.active_pid"
                " WHERE s.plugin = 'pgoutput'"
            ).fetchone()
        return counted == (len(layout.nodes) - 1, len(layout.nodes) - 1)


def _name(origin: str, receiver: str) -> str:
    return f"{origin}_{receiver}"
