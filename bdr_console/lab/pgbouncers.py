"""The lab's PgBouncers, two in front of each HAProxy: one pools by transaction, one by session."""

import signal
from collections.abc import Mapping

import psycopg

from bdr_console.cluster.text import clean
from bdr_console.errors import ConsoleError
from bdr_console.lab import processes
from bdr_console.lab.layout import Layout, PoolerLayout
from bdr_console.lab.processes import Process

PREPARES = (1, 21)
"""From this version on it keeps clients' prepared statements in a transaction pool, when told to."""


def _configuration(layout: Layout, pooler: PoolerLayout, databases: str = "") -> str:
    directory = layout.data(pooler.name)
    prepares = "max_prepared_statements = 200\n" if layout.programs.pgbouncer.at_least(*PREPARES) else ""
    return f"""\
[databases]
{databases}* = host=127.0.0.1 port={layout.proxy(pooler.proxy).port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {pooler.port}
unix_socket_dir = {directory}
auth_type = scram-sha-256
auth_file = {directory}/users.txt
admin_users = bdr_console
stats_users = bdr_console
pool_mode = {pooler.mode}
default_pool_size = 20
server_login_retry = 15
max_client_conn = 200
log_connections = 0
log_disconnections = 0
stats_period = 3600
{prepares}"""


def create(layout: Layout, pooler: PoolerLayout, passwords: Mapping[str, str]) -> None:
    """Write one PgBouncer's configuration, and the passwords it logs in to the nodes with."""
    account, directory = layout.account, layout.data(pooler.name)
    account.make_dir(directory)
    users = "".join(f'"{user}" "{password}"\n' for user, password in passwords.items())
    account.write(directory / "users.txt", users)
    account.write(directory / "pgbouncer.ini", _configuration(layout, pooler))


def configure(layout: Layout, pooler: PoolerLayout, *databases: str) -> None:
    """Give a running PgBouncer these lines of `[databases]` beside its own `*`, and none else."""
    lines = "".join(f"{line}\n" for line in databases)
    path = layout.data(pooler.name) / "pgbouncer.ini"
    layout.account.write(path, _configuration(layout, pooler, lines))
    admin(layout, pooler, "RELOAD")


def start(layout: Layout, pooler: PoolerLayout) -> Process:
    """Start one PgBouncer and wait until its admin console answers."""
    directory = layout.data(pooler.name)
    command = [layout.programs.pgbouncer.path, directory / "pgbouncer.ini"]
    process = processes.start(layout, pooler.name, command, cwd=directory)

    def answers() -> bool:
        if not process.alive:
            raise ConsoleError(f"{pooler.name} did not start: {processes.last_words(layout, pooler.name)}")
        try:
            admin(layout, pooler, "SHOW VERSION")
        except ConsoleError:
            return False
        return True

    if not processes.wait(answers, 15):
        raise ConsoleError(
            f"{pooler.name} (port {pooler.port}) does not answer: {processes.last_words(layout, pooler.name)}"
        )
    return process


def stop(process: Process) -> None:
    """Stop a PgBouncer at once: every client is cut."""
    processes.stop([process], signal.SIGTERM)


def admin(layout: Layout, pooler: PoolerLayout, command: str) -> list[dict[str, object]]:
    """Run one command on the admin console; rows by column name, none for a command that shows nothing."""
    try:
        with psycopg.connect(
            layout.dsn(pooler.port, "bdr_console", "pgbouncer"),
            autocommit=True,
            prepare_threshold=None,  # a prepared statement would end the console connection
            connect_timeout=3,
        ) as connection:
            cursor = connection.execute(command.encode())
            if cursor.description is None:
                return []
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    except psycopg.Error as error:
        reason = clean(" ".join(str(error).split()))
        raise ConsoleError(f"{pooler.name} (127.0.0.1:{pooler.port}): {reason}") from None
