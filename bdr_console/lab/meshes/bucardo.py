"""Bucardo between all nodes: triggers, one sync, its daemons, and a control database on its own server."""

from bdr_console.errors import ConsoleError
from bdr_console.lab import bucardo, postgres, processes, tables
from bdr_console.lab.layout import Layout, NodeLayout

_CONSOLE_MAY = """
GRANT USAGE ON SCHEMA bucardo TO bdr_console;
GRANT SELECT ON ALL TABLES IN SCHEMA bucardo TO bdr_console;
"""

_WAITING = """
SELECT (SELECT count(*) FROM bucardo.delta_public_counter d
         WHERE NOT EXISTS (SELECT FROM bucardo.track_public_counter t WHERE t.txntime = d.txntime))
     + (SELECT count(*) FROM bucardo.delta_public_ledger d
         WHERE NOT EXISTS (SELECT FROM bucardo.track_public_ledger t WHERE t.txntime = d.txntime))
"""


class Bucardo:
    """Every node is a source. Of two changes to one row the later one wins."""

    name = "Bucardo 5"
    control: str | None = bucardo.CONTROL
    per_link = False

    def install(self, layout: Layout, node: NodeLayout) -> None:
        with postgres.session(layout, node) as connection:
            connection.execute("CREATE EXTENSION plperl")
            connection.execute(tables.DEFINITIONS)

    def form(self, layout: Layout) -> None:
        for node in layout.servers:
            with postgres.session(layout, node, "postgres") as connection:
                connection.execute("ALTER ROLE bucardo SUPERUSER")
        bucardo.install(layout)
        members = ",".join(f"{node.name}:source" for node in layout.nodes)
        bucardo.run(
            layout, "add", "sync", bucardo.SYNC, f"dbs={members}", "tables=public.counter,public.ledger",
            "conflict_strategy=bucardo_latest",
        )  # fmt: skip
        for node in layout.nodes:
            with postgres.session(layout, node) as connection:
                connection.execute(_CONSOLE_MAY)
        bucardo.start(layout)
        with postgres.session(layout, layout.nodes[0]) as connection:
            connection.execute(tables.ROWS)

    def troubles(self, layout: Layout) -> str:
        return (
            "" if bucardo.running(layout) else f"no KID of the sync '{bucardo.SYNC}' is connected everywhere"
        )

    def pause(self, layout: Layout, origin: str, receiver: str) -> None:
        """Bucardo pauses a sync, not a link: nothing moves between any two nodes."""
        self._check(layout, origin, receiver)
        bucardo.run(layout, "pause", bucardo.SYNC)
        processes.wait(lambda: not bucardo.running(layout), 10, pause=0.1)

    def resume(self, layout: Layout, origin: str, receiver: str) -> None:
        self._check(layout, origin, receiver)
        bucardo.run(layout, "resume", bucardo.SYNC)

    def _check(self, layout: Layout, origin: str, receiver: str) -> None:
        names = [node.name for node in layout.nodes]
        if origin == receiver or not {origin, receiver} <= set(names):
            raise ConsoleError(
                f"{receiver} receives nothing from {origin}",
                f"Name two different nodes of {', '.join(names)}.",
            )

    def set_delay(self, layout: Layout, origin: str, receiver: str, milliseconds: int) -> None:
        raise ConsoleError("Bucardo cannot apply late", "Try pause-apply, or a lab of another engine.")

    def end_delays(self, layout: Layout) -> None:
        """There are none."""

    def restart(self, layout: Layout) -> None:
        """Once it has lost a member Bucardo does not come back by itself: only a restart helps."""
        if processes.find(layout, bucardo.NAME) is None or not bucardo.running(layout):
            bucardo.stop(layout.directory)
            bucardo.start(layout)

    def forget_conflicts(self, layout: Layout) -> None:
        """Bucardo's own record of them is a log of its control database that the lab does not touch."""

    def caught_up(self, layout: Layout, node: NodeLayout) -> bool:
        with postgres.session(layout, node, timeout=10) as connection:
            row = connection.execute(_WAITING).fetchone()
        return bucardo.running(layout) and row is not None and row[0] < 1000
