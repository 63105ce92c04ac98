"""Bucardo between all nodes: triggers, one sync, its daemons, and a control database on its own server."""

import signal
from pathlib import Path

from bdr_console.errors import ConsoleError
from bdr_console.lab import postgres_nodes, processes, workload
from bdr_console.lab.layout import DATABASE as REPLICATED
from bdr_console.lab.layout import Layout, NodeLayout
from bdr_console.lab.processes import Process

NAME = "bucardo"
CONTROL = "control"
DATABASE = "bucardo"
SYNC = "lab"

_CONSOLE_MAY_ON_CONTROL = """
GRANT USAGE ON SCHEMA bucardo TO bdr_console;
GRANT SELECT (name, dbhost, dbport, dbname, status) ON bucardo.db TO bdr_console;
GRANT SELECT ON bucardo.sync, bucardo.dbgroup, bucardo.dbmap, bucardo.syncrun TO bdr_console;
"""
"""Never the whole of bucardo.db: it may hold passwords in clear text."""
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


class BucardoMesh:
    """Every node is a source. Of two changes to one row the later one wins."""

    name = "Bucardo 5"
    control: str | None = CONTROL
    per_link = False

    def install(self, layout: Layout, node: NodeLayout) -> None:
        with postgres_nodes.session(layout, node) as connection:
            connection.execute("CREATE EXTENSION plperl")
            connection.execute(workload.TABLES)

    def form(self, layout: Layout) -> None:
        for node in layout.servers:
            with postgres_nodes.session(layout, node, "postgres") as connection:
                connection.execute("ALTER ROLE bucardo SUPERUSER")
        install(layout)
        members = ",".join(f"{node.name}:source" for node in layout.nodes)
        run(
            layout, "add", "sync", SYNC, f"dbs={members}", "tables=public.counter,public.ledger",
            "conflict_strategy=bucardo_latest",
        )  # fmt: skip
        for node in layout.nodes:
            with postgres_nodes.session(layout, node) as connection:
                connection.execute(_CONSOLE_MAY)
        start(layout)
        with postgres_nodes.session(layout, layout.nodes[0]) as connection:
            connection.execute(workload.ROWS)

    def troubles(self, layout: Layout) -> str:
        return "" if running(layout) else f"no KID of the sync '{SYNC}' is connected everywhere"

    def pause(self, layout: Layout, origin: str, receiver: str) -> None:
        """Bucardo pauses a sync, not a link: nothing moves between any two nodes."""
        self._check(layout, origin, receiver)
        run(layout, "pause", SYNC)
        processes.wait(lambda: not running(layout), 10, pause=0.1)

    def resume(self, layout: Layout, origin: str, receiver: str) -> None:
        self._check(layout, origin, receiver)
        run(layout, "resume", SYNC)

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
        if processes.find(layout, NAME) is None or not running(layout):
            stop(layout.directory)
            start(layout)

    def forget_conflicts(self, layout: Layout) -> None:
        """Bucardo's own record of them is a log of its control database that the lab does not touch."""

    def caught_up(self, layout: Layout, node: NodeLayout) -> bool:
        with postgres_nodes.session(layout, node, timeout=10) as connection:
            row = connection.execute(_WAITING).fetchone()
        return running(layout) and row is not None and row[0] < 1000


def control(layout: Layout) -> NodeLayout:
    """The server with the control database."""
    if layout.control is None:
        raise _none()
    return layout.control


def _none() -> ConsoleError:
    return ConsoleError("this lab has no Bucardo", "Make one: bdr-console lab up --engine bucardo.")


def _environment(layout: Layout) -> dict[str, str]:
    return {"PGPASSFILE": str(layout.passfile), "HOME": str(layout.data(NAME))}


def _command(layout: Layout, *words: str) -> list[str | Path]:
    program = layout.programs.bucardo
    if program is None:
        raise _none()
    return [program.path, f"--bucardorc={layout.data(NAME) / 'bucardorc'}", *words]


def run(layout: Layout, *words: str, timeout: float = 60) -> str:
    """One `bucardo` command; raises ConsoleError with what it said."""
    return processes.run(
        layout.account,
        _command(layout, *words),
        cwd=layout.data(NAME),
        timeout=timeout,
        env=_environment(layout),
    )


def install(layout: Layout) -> None:
    """Write the settings and make the control database with its schema."""
    directory, server = layout.account.make_dir(layout.data(NAME)), control(layout)
    layout.account.write(
        directory / "bucardorc",
        f"dbhost = 127.0.0.1\ndbport = {server.port}\ndbname = {DATABASE}\ndbuser = bucardo\n"
        f"piddir = {directory}\nlogdest = {directory}\n",
    )
    run(layout, "install", "--batch", "--dbuser=postgres", "--dbname=postgres", f"--piddir={directory}")
    with postgres_nodes.session(layout, server, DATABASE) as connection:
        for name, value in (
            ("piddir", directory),
            ("reason_file", directory / "reason.log"),
            ("warning_file", directory / "warning.log"),
            ("log_conflict_file", directory / "conflict.log"),
        ):
            connection.execute(
                "UPDATE bucardo.bucardo_config SET setting = %s WHERE name = %s", (str(value), name)
            )
        for node in layout.nodes:
            # Its password is in the passfile that both the daemons and the control database's server know.
            connection.execute(
                "INSERT INTO bucardo.db (name, dbhost, dbport, dbname, dbuser)"
                " VALUES (%s, '127.0.0.1', %s, %s, 'bucardo')",
                (node.name, str(node.port), REPLICATED),
            )
        connection.execute(_CONSOLE_MAY_ON_CONTROL)


def start(layout: Layout) -> Process:
    """Start the daemons and return when the sync has its KID."""
    directory = layout.data(NAME)
    for left in (*directory.glob("bucardo.*.pid"), directory / "fullstopbucardo"):
        left.unlink(missing_ok=True)
    launcher = processes.start(
        layout, NAME, _command(layout, "start"), cwd=directory, env=_environment(layout)
    )
    found: list[Process] = []

    def detached() -> bool:
        try:
            pid = int((directory / "bucardo.mcp.pid").read_text(encoding="utf-8").split()[0])
        except (OSError, ValueError, IndexError):
            return False
        found[:] = [processes.remember(layout, NAME, pid)]
        return not launcher.alive and found[0].alive

    if not processes.wait(detached, 30, pause=0.05) or not processes.wait(lambda: running(layout), 30, 0.1):
        raise ConsoleError(f"Bucardo did not start: {processes.last_words(layout, NAME)}")
    return processes.remember(layout, NAME, found[0].pid)


def running(layout: Layout) -> bool:
    """Whether a KID of the sync has its session in every member; what the daemon says is no proof."""
    try:
        for node in layout.nodes:
            with postgres_nodes.session(layout, node, timeout=5) as connection:
                if (
                    connection.execute(
                        "SELECT FROM pg_stat_activity WHERE application_name LIKE %s",
                        (f"bucardo KID ({SYNC})%",),
                    ).fetchone()
                    is None
                ):
                    return False
    except ConsoleError:
        return False
    return True


def stop(directory: Path) -> None:
    """End every daemon at once, as a crash would; harmless when none runs. What a KID had not committed on
    every member it does again."""
    processes.stop(processes.strays(directory, ("bucardo",)), signal.SIGKILL)
