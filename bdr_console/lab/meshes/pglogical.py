"""pglogical both ways; the stand-ins for BDR stand on it too and share what is done to one link."""

import os
import shutil
from collections.abc import Iterator
from importlib.resources import files
from itertools import permutations
from typing import Any

import psycopg

from bdr_console.errors import ConsoleError
from bdr_console.lab import postgres, processes, tables
from bdr_console.lab.layout import Layout, NodeLayout

_STATUS = "SELECT status FROM pglogical.show_subscription_status() WHERE subscription_name = %s"


class Pglogical:
    """A subscription for every ordered pair of nodes, each sending only what was born on its provider."""

    name = "pglogical 2"
    control: str | None = None
    per_link = True

    def install(self, layout: Layout, node: NodeLayout) -> None:
        with postgres.session(layout, node) as connection:
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
            with postgres.session(layout, node) as connection:
                connection.execute(tables.DEFINITIONS)
                connection.execute(tables.TO_PGLOGICAL)
        for origin, receiver in permutations(layout.nodes, 2):
            with postgres.session(layout, receiver) as connection:
                self.subscribe(layout, connection, origin, receiver)
        self.wait_replicating(layout)
        with postgres.session(layout, layout.nodes[0]) as connection:
            connection.execute(tables.ROWS)

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
            with postgres.session(layout, node) as connection:
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
        with postgres.session(layout, layout.node(receiver)) as connection:
            connection.execute(f"SELECT pglogical.alter_subscription_{act}(%s, true)", (name,))

            def there() -> bool:
                return connection.execute(_STATUS, (name,)).fetchone() == (until,)

            if until and not processes.wait(there, 20):
                raise ConsoleError(f"the apply worker of {origin}->{receiver} did not {act}")

    def set_delay(self, layout: Layout, origin: str, receiver: str, milliseconds: int) -> None:
        name = subscription(layout, origin, receiver)
        with postgres.session(layout, layout.node(receiver)) as connection:
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
            with postgres.session(layout, receiver) as connection:
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
            with postgres.session(layout, node) as connection:
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
        with postgres.session(layout, node, timeout=10) as connection:
            counted = connection.execute(
                "SELECT count(*) FILTER (WHERE s.active AND r.state = 'streaming'"
                "   AND pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn) < 1048576),"
                " (SELECT count(*) FROM pglogical.show_subscription_status() WHERE status = 'replicating')"
                " FROM pg_replication_slots s JOIN pg_stat_replication r ON r.pid = s.active_pid"
                " WHERE s.plugin = 'pglogical_output'"
            ).fetchone()
        return counted == (len(layout.nodes) - 1, len(layout.nodes) - 1)


def subscription(layout: Layout, origin: str, receiver: str) -> str:
    """The subscription on `receiver` that receives from `origin`; raises ConsoleError when there is none."""
    layout.node(origin)
    with postgres.session(layout, layout.node(receiver)) as connection:
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
