"""Bucardo's own program in a lab: its settings, its control database's schema, its daemons."""

import signal
from pathlib import Path

from bdr_console.errors import ConsoleError
from bdr_console.lab import postgres, processes
from bdr_console.lab.layout import DATABASE as REPLICATED
from bdr_console.lab.layout import Layout, NodeLayout
from bdr_console.lab.processes import Process

NAME = "bucardo"
CONTROL = "control"
DATABASE = "bucardo"
SYNC = "lab"
GROUP = "lab"

_CONSOLE_MAY = """
GRANT USAGE ON SCHEMA bucardo TO bdr_console;
GRANT SELECT (name, dbhost, dbport, dbname, status) ON bucardo.db TO bdr_console;
GRANT SELECT ON bucardo.sync, bucardo.dbgroup, bucardo.dbmap, bucardo.syncrun TO bdr_console;
"""
"""Never the whole of bucardo.db: it may hold passwords in clear text."""


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
    with postgres.session(layout, server, DATABASE) as connection:
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
        connection.execute(_CONSOLE_MAY)


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
            with postgres.session(layout, node, timeout=5) as connection:
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
