"""pglogical both ways, and over it the stand-ins for BDR 3.7 and BDR 1.0."""

import os
import shutil
from collections.abc import Iterator
from importlib.resources import files
from itertools import permutations
from typing import Any

import psycopg

from bdr_console.errors import ConsoleError
from bdr_console.lab import postgres_nodes, processes, workload
from bdr_console.lab.layout import GROUP, Layout, NodeLayout

_STATUS = "SELECT status FROM pglogical.show_subscription_status() WHERE subscription_name = %s"
_IN_DEFAULT_SET = """
SELECT pglogical.replication_set_add_table('default', 'public.counter');
SELECT pglogical.replication_set_add_table('default', 'public.ledger');
"""


class PglogicalMesh:
    """A subscription for every ordered pair of nodes, each sending only what was born on its provider."""

    name = "pglogical 2"
    control: str | None = None
    per_link = True

    def install(self, layout: Layout, node: NodeLayout) -> None:
        with postgres_nodes.session(layout, node) as connection:
            self.prepare(connection)
            connection.execute("SELECT pglogical.create_node(%s, %s)", (node.name, layout.dsn(node.port)))

    def prepare(self, connection: psycopg.Connection[Any]) -> None:
        """The extension, and what the console's role may read of it. (sub_slot_name and the like hold no
        secret; the DSNs in node_interface name a passfile and no password.)"""
        connection.execute("CREATE EXTENSION pglogical")
        connection.execute("GRANT USAGE ON SCHEMA pglogical TO bdr_console")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA pglogical TO bdr_console")

    def form(self, layout: Layout) -> None:
        for node in layout.nodes:
            with postgres_nodes.session(layout, node) as connection:
                connection.execute(workload.TABLES)
                connection.execute(_IN_DEFAULT_SET)
        for origin, receiver in permutations(layout.nodes, 2):
            with postgres_nodes.session(layout, receiver) as connection:
                self.subscribe(layout, connection, origin, receiver)
        self.wait_replicating(layout)
        with postgres_nodes.session(layout, layout.nodes[0]) as connection:
            connection.execute(workload.ROWS)

    def subscribe(
        self, layout: Layout, connection: psycopg.Connection[Any], origin: NodeLayout, receiver: NodeLayout
    ) -> None:
        """Have `receiver` apply what `origin` writes itself; the tables are there and alike already."""
        connection.execute(
            "SELECT pglogical.create_subscription(subscription_name := %s, provider_dsn := %s,"
            " synchronize_structure := false, synchronize_data := false, forward_origins := '{}')",
            (f"{origin.name}_{receiver.name}", layout.dsn(origin.port)),
        )

    def wait_replicating(self, layout: Layout) -> None:
        """Wait until every subscription replicates; raises ConsoleError that names those that do not."""
        if not processes.wait(lambda: not self.troubles(layout), 60, pause=0.1):
            raise ConsoleError(f"replication does not begin: {self.troubles(layout)}")

    def troubles(self, layout: Layout) -> str:
        found = []
        for node in layout.nodes:
            with postgres_nodes.session(layout, node) as connection:
                rows = connection.execute(
                    "SELECT provider_node, status FROM pglogical.show_subscription_status()"
                    " WHERE status <> 'replicating' ORDER BY 1"
                ).fetchall()
            found += [f"{origin} -> {node.name}: {status}" for origin, status in rows]
        return ", ".join(found)

    def pause(self, layout: Layout, origin: str, receiver: str) -> None:
        self._switch(layout, origin, receiver, "disable", "disabled")

    def resume(self, layout: Layout, origin: str, receiver: str) -> None:
        self._switch(layout, origin, receiver, "enable", None)

    def _switch(self, layout: Layout, origin: str, receiver: str, act: str, until: str | None) -> None:
        name = subscription(layout, origin, receiver)
        with postgres_nodes.session(layout, layout.node(receiver)) as connection:
            connection.execute(f"SELECT pglogical.alter_subscription_{act}(%s, true)", (name,))

            def there() -> bool:
                return connection.execute(_STATUS, (name,)).fetchone() == (until,)

            if until and not processes.wait(there, 20):
                raise ConsoleError(f"the apply worker of {origin}->{receiver} did not {act}")

    def set_delay(self, layout: Layout, origin: str, receiver: str, milliseconds: int) -> None:
        name = subscription(layout, origin, receiver)
        with postgres_nodes.session(layout, layout.node(receiver)) as connection:
            changed = connection.execute(
                "UPDATE pglogical.subscription SET sub_apply_delay = make_interval(secs => %s)"
                " WHERE sub_name = %s AND sub_apply_delay <> make_interval(secs => %s)",
                (milliseconds / 1000, name, milliseconds / 1000),
            ).rowcount
        if changed:  # the worker reads it when it starts
            self._switch(layout, origin, receiver, "disable", "disabled")
            self._switch(layout, origin, receiver, "enable", "replicating")

    def end_delays(self, layout: Layout) -> None:
        for receiver in layout.nodes:
            with postgres_nodes.session(layout, receiver) as connection:
                rows = connection.execute(
                    "SELECT o.node_name FROM pglogical.subscription s"
                    " JOIN pglogical.node o ON o.node_id = s.sub_origin"
                    " WHERE s.sub_apply_delay <> interval '0'"
                ).fetchall()
            for (origin,) in rows:
                self.set_delay(layout, str(origin), receiver.name, 0)

    def restart(self, layout: Layout) -> None:
        """pglogical itself may wait a minute before it tries again what went down."""
        for node in layout.nodes:
            with postgres_nodes.session(layout, node) as connection:
                self.unpause(connection)
                down = connection.execute(
                    "SELECT subscription_name, status FROM pglogical.show_subscription_status()"
                    " WHERE status <> 'replicating'"
                ).fetchall()
                for name, status in down:
                    if status != "disabled":
                        connection.execute("SELECT pglogical.alter_subscription_disable(%s, true)", (name,))
                    connection.execute("SELECT pglogical.alter_subscription_enable(%s, true)", (name,))

    def unpause(self, connection: psycopg.Connection[Any]) -> None:
        """End a pause that is no disabled subscription; pglogical knows none."""

    def forget_conflicts(self, layout: Layout) -> None:
        """Set the servers' logs aside: the stand-ins show the conflicts that pglogical wrote there."""
        for node in layout.nodes:
            log = layout.log(node.name)
            aside = log.with_suffix(".log.1")
            aside.touch(mode=0o600)
            shutil.copyfile(log, aside)
            os.truncate(log, 0)

    def caught_up(self, layout: Layout, node: NodeLayout) -> bool:
        with postgres_nodes.session(layout, node, timeout=10) as connection:
            counted = connection.execute(
                "SELECT count(*) FILTER (WHERE s.active AND r.state = 'streaming'"
                "   AND pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn) < 1048576),"
                " (SELECT count(*) FROM pglogical.show_subscription_status() WHERE status = 'replicating')"
                " FROM pg_replication_slots s JOIN pg_stat_replication r ON r.pid = s.active_pid"
                " WHERE s.plugin = 'pglogical_output'"
            ).fetchone()
        return counted == (len(layout.nodes) - 1, len(layout.nodes) - 1)


class Bdr3Mesh(PglogicalMesh):
    """Schema `bdr` with BDR 3.7's names; what replicates beneath is pglogical."""

    name = "BDR 3.7 (stand-in over pglogical 2)"

    def install(self, layout: Layout, node: NodeLayout) -> None:
        with postgres_nodes.session(layout, node) as connection:
            self.prepare(connection)
            for text in standin("bdr3"):
                connection.execute(text)
            connection.execute("GRANT bdr_read_all_stats, bdr_application TO bdr_console")
            connection.execute(
                "SELECT bdr.create_node(node_name := %s, local_dsn := %s)",
                (node.name, layout.dsn(node.port)),
            )

    def form(self, layout: Layout) -> None:
        """Make the node group on the first node, then join the others one by one."""
        first = layout.nodes[0]
        with postgres_nodes.session(layout, first) as connection:
            connection.execute("SELECT bdr.create_node_group(node_group_name := %s)", (GROUP,))
            connection.execute("SELECT bdr.wait_for_join_completion()")
        for node in layout.nodes[1:]:
            with postgres_nodes.session(layout, node, timeout=60) as connection:
                connection.execute(
                    "SELECT bdr.join_node_group(join_target_dsn := %s, node_group_name := %s,"
                    " wait_for_completion := false)",
                    (layout.dsn(first.port), GROUP),
                )
                connection.execute("SELECT bdr.wait_for_join_completion()")
        with postgres_nodes.session(layout, first) as connection:
            connection.execute("SELECT bdr.replicate_ddl_command(%s)", (workload.TABLES + _IN_DEFAULT_SET,))
            connection.execute(workload.ROWS)


class Bdr1Mesh(PglogicalMesh):
    """Schema `bdr` with BDR 1.0's names; what replicates beneath is pglogical."""

    name = "BDR 1.0 (stand-in over pglogical 2)"
    per_link = False

    def install(self, layout: Layout, node: NodeLayout) -> None:
        with postgres_nodes.session(layout, node) as connection:
            self.prepare(connection)
            for text in standin("bdr1"):
                connection.execute(text)
            connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA bdr TO bdr_console")
            connection.execute("SELECT pglogical.create_node(%s, %s)", (node.name, layout.dsn(node.port)))

    def form(self, layout: Layout) -> None:
        members = [self._identity(layout, node) for node in layout.nodes]
        for node in layout.nodes:
            with postgres_nodes.session(layout, node) as connection:
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
        with postgres_nodes.session(layout, node) as connection:
            row = connection.execute("SELECT sysid, dboid FROM bdr.bdr_get_local_nodeid()").fetchone()
        assert row is not None  # noqa: S101 - the function always gives one
        return row[0], row[1], node.name, layout.dsn(node.port)

    def pause(self, layout: Layout, origin: str, receiver: str) -> None:
        """BDR 1.0 pauses a node, not a link: nothing is applied there, whoever it comes from."""
        layout.node(origin)
        with postgres_nodes.session(layout, layout.node(receiver)) as connection:
            connection.execute("SELECT bdr.bdr_apply_pause()")
            processes.wait(lambda: _workers(connection) == 0, 10)

    def resume(self, layout: Layout, origin: str, receiver: str) -> None:
        layout.node(origin)
        with postgres_nodes.session(layout, layout.node(receiver)) as connection:
            connection.execute("SELECT bdr.bdr_apply_resume()")

    def unpause(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute("SELECT bdr.bdr_apply_resume() WHERE bdr.bdr_apply_is_paused()")


def _workers(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pglogical apply %%'", ()
    ).fetchone()
    return int(row[0]) if row else 0


def subscription(layout: Layout, origin: str, receiver: str) -> str:
    """The subscription on `receiver` that receives from `origin`; raises ConsoleError when there is none."""
    layout.node(origin)
    with postgres_nodes.session(layout, layout.node(receiver)) as connection:
        row = connection.execute(
            "SELECT subscription_name FROM pglogical.show_subscription_status() WHERE provider_node = %s",
            (origin,),
        ).fetchone()
    if row is None:
        raise ConsoleError(
            f"{receiver} receives nothing from {origin}", "Name two different nodes: node1->node2."
        )
    return str(row[0])


def standin(engine: str) -> Iterator[bytes]:
    """The files of a stand-in, in order, those that both share among them."""
    root = files("bdr_console.lab").joinpath("standin")
    found = [*root.joinpath("shared").iterdir(), *root.joinpath(engine).iterdir()]
    for file in sorted(found, key=lambda file: file.name):
        if file.name.endswith(".sql"):
            yield file.read_text(encoding="utf-8").encode()
