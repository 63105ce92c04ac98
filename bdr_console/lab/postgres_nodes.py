"""PostgreSQL nodes: created, started, stopped, reached on their own port, and made to refuse clients."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from bdr_console.cluster.text import clean
from bdr_console.errors import ConsoleError
from bdr_console.lab import installations, processes
from bdr_console.lab.layout import DATABASE, Layout, NodeLayout, ProxyLayout
from bdr_console.lab.processes import Process

_HBA = "host all all 127.0.0.1/32 scram-sha-256\n"
"""Other accounts of the machine can reach the port: nobody gets in without a password."""

_REJECTS = "host all app 127.0.0.1/32 reject\n"
_MENDED = (
    "ALTER SYSTEM RESET default_transaction_read_only",
    "SELECT pg_reload_conf()",
    "ALTER ROLE app LOGIN CONNECTION LIMIT -1",
    f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS true CONNECTION LIMIT -1",
)
"""Undo any of the statements below; harmless where there is nothing to undo."""


def _configuration(layout: Layout, node: NodeLayout, bin_dir: Path) -> str:
    links = 2 * len(layout.nodes)
    lines = [
        "listen_addresses = '127.0.0.1'",
        f"port = {node.port}",
        "unix_socket_directories = ''",
        f"cluster_name = '{node.name}'",
        "max_connections = 120",
        "max_prepared_transactions = 8",
        "shared_buffers = 32MB",
        "wal_level = logical",
        "track_commit_timestamp = on",
        f"max_worker_processes = {links + 12}",
        f"max_wal_senders = {links + 10}",
        f"max_replication_slots = {links + 10}",
        "max_slot_wal_keep_size = 2GB  # a forgotten fault must not fill the disk",
        "wal_sender_timeout = 10s",
        "wal_receiver_timeout = 10s",
        "# a rehearsal: its data may be lost with the machine",
        "fsync = off",
        "full_page_writes = off",
        "max_wal_size = 256MB",
        "log_checkpoints = off",
        "log_min_error_statement = fatal",
        "log_line_prefix = '%m [%p] %a '",
    ]
    if layout.engine in ("bdr3", "bdr1", "pglogical"):
        lines.append("shared_preload_libraries = 'pglogical'")
        lines.append(f"bdr_standin.log = '{layout.log(node.name)}'  # where a stand-in finds its conflicts")
        lines.append("pglogical.conflict_resolution = 'last_update_wins'")
    if installations.knows_setting(bin_dir, "output_plugin_libraries"):
        # Recent minor releases refuse every output plugin that is not listed here.
        lines.append("output_plugin_libraries = 'pglogical_output, pgoutput, test_decoding'")
    return "\n".join(lines) + "\n"


def create(layout: Layout, node: NodeLayout, password_file: Path) -> None:
    """Make the data directory of `node`: superuser `postgres` with the password in `password_file`."""
    bin_dir, data, account = layout.programs.postgres.bin_dir, layout.data(node.name), layout.account
    processes.run(
        account,
        [
            bin_dir / "initdb",
            *("--pgdata", data, "--username", "postgres", "--pwfile", password_file),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
        ],
        cwd=layout.directory,
    )
    account.write(data / "pg_hba.conf", _HBA)
    account.write(data / "postgresql.conf", _configuration(layout, node, bin_dir))


def start(layout: Layout, node: NodeLayout) -> Process:
    """Start `node`; it does not wait until connections are accepted."""
    data = layout.data(node.name)
    (data / "postmaster.pid").unlink(missing_ok=True)  # of a server that was killed; ours is known to be gone
    program = layout.programs.postgres.bin_dir / "postgres"
    # Bucardo's triggers in the control database log in to the members from within the server.
    env = {"PGPASSFILE": str(layout.passfile)} if node == layout.control else {}
    return processes.start(layout, node.name, [program, "-D", data], cwd=data, env=env)


def wait_ready(layout: Layout, node: NodeLayout, process: Process, timeout: float = 30) -> None:
    """Wait until `node` answers a query; raises ConsoleError with the end of its log when it does not."""

    def answers() -> bool:
        if not process.alive:
            raise ConsoleError(
                f"{node.name} (port {node.port}) did not start: {processes.last_words(layout, node.name)}"
            )
        try:
            with psycopg.connect(layout.dsn(node.port, database="postgres"), connect_timeout=3):
                return True
        except psycopg.OperationalError:
            return False

    if not processes.wait(answers, timeout, pause=0.05):
        words = processes.last_words(layout, node.name)
        raise ConsoleError(f"{node.name} (port {node.port}) does not answer after {timeout:g} s: {words}")


def stop(process: Process) -> None:
    """Stop a node at once, as a crash would (immediate shutdown): it recovers when it is started again."""
    processes.stop([process], signal.SIGQUIT)


@contextmanager
def session(
    layout: Layout, node: NodeLayout | ProxyLayout, database: str = "app", timeout: float = 30
) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A superuser's connection to a node, or to where a HAProxy leads; raises ConsoleError that names it."""
    try:
        with psycopg.connect(
            layout.dsn(node.port, database=database),
            autocommit=True,
            connect_timeout=5,
            options=f"-c statement_timeout={int(timeout * 1000)}",
            application_name="bdr-console lab",
        ) as connection:
            yield connection
    except psycopg.Error as error:
        reason = clean(" ".join(str(error).split()))
        raise ConsoleError(
            f"{node.name} (127.0.0.1:{node.port}): {reason}",
            "See what it says: bdr-console lab status.",
        ) from None


def read_only(layout: Layout, node: str) -> None:
    """Every new transaction of the node is read-only; what its peers write is applied."""
    _run_on(layout, node, "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")


def no_login(layout: Layout, node: str) -> None:
    """The application's role may not log in there: roles are not replicated."""
    _run_on(layout, node, "ALTER ROLE app NOLOGIN")


def login_limit(layout: Layout, node: str) -> None:
    """The application's role may have one session there."""
    _run_on(layout, node, "ALTER ROLE app CONNECTION LIMIT 1")


def no_connections(layout: Layout, node: str) -> None:
    """The database accepts no connections any more."""
    _run_on(layout, node, f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS false")


def reject_logins(layout: Layout, node: str) -> None:
    """pg_hba.conf rejects the application's role: no catalog that the console may read says so."""
    path = layout.data(node) / "pg_hba.conf"
    if not path.read_text(encoding="utf-8").startswith(_REJECTS):
        layout.account.write(path, _REJECTS + path.read_text(encoding="utf-8"))
    _run_on(layout, node, "SELECT pg_reload_conf()")


def let_in(layout: Layout, node: str) -> None:
    """Let the clients in again, whichever of these it was."""
    path = layout.data(node) / "pg_hba.conf"
    layout.account.write(path, path.read_text(encoding="utf-8").removeprefix(_REJECTS))
    _run_on(layout, node, *_MENDED)


def let_in_everywhere(layout: Layout) -> None:
    """The same on every node."""
    for node in layout.nodes:
        let_in(layout, node.name)


def _run_on(layout: Layout, node: str, *statements: str) -> None:
    """On the database that accepts connections in any case, in a transaction that may write."""
    with session(layout, layout.node(node), database="postgres") as connection:
        connection.execute("SET default_transaction_read_only = off")
        for text in statements:
            connection.execute(text.encode())
