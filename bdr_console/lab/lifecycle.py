"""Bringing a whole lab up, and taking it down so that nothing of it is left."""

import fcntl
import os
import secrets
import shutil
import signal
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg
import yaml
from psycopg import sql

from bdr_console import config
from bdr_console.errors import ConsoleError
from bdr_console.lab import (
    bucardo_mesh,
    haproxies,
    layout,
    pgbouncers,
    postgres_nodes,
    processes,
    programs,
    workload,
)
from bdr_console.lab.account import Account
from bdr_console.lab.layout import DATABASE, Layout, NodeLayout
from bdr_console.lab.meshes import mesh_of
from bdr_console.lab.programs import Wanted
from bdr_console.paths import unusable

_ROLES = ("postgres", "app", "bdr_console")


def up(directory: Path, nodes: int, environment: str, engine: str, proxies: int, wanted: Wanted) -> Layout:
    """Make and start a lab in `directory`; whatever goes wrong, nothing of a half-started one is left.

    Raises ConsoleError when a lab already runs there, the directory is not a lab's, or a part does not start.
    """
    mesh = mesh_of(engine)
    directory, account = directory.absolute(), Account.current()
    chosen = programs.placed_in(directory, programs.choose(engine, wanted, account), account)
    planned = layout.plan(directory, nodes, environment, chosen, engine, mesh.control, proxies)
    _clear_dead(directory)
    with signals_end_it():
        try:
            _make_directory(directory)
            with _claimed(directory):
                planned.save()
                _start_everything(planned)
        except BaseException:
            with signals_ignored():
                if layout.is_lab(directory) and _same(directory, planned):
                    remove(directory)
            raise
    return planned


def down(directory: Path) -> None:
    """Stop every process of the lab in `directory` and remove it; raises ConsoleError when there is none."""
    directory = directory.absolute()
    if not layout.is_lab(directory):
        raise ConsoleError(
            f"there is no lab in {directory}",
            "Nothing was stopped and nothing removed. Start one: bdr-console lab up.",
        )
    with _claimed(directory):
        remove(directory)


def remove(directory: Path) -> None:
    """End everything that works in the lab's directory, then remove it, the marker last.

    The marker need not be readable: also what another version has made goes.
    """
    for _ in range(3):  # a server may start a child while the first are being ended
        bucardo_mesh.stop(directory)
        processes.stop(
            processes.strays(directory, ("haproxy", "pgbouncer", "pgbench")), signal.SIGTERM, patience=2
        )
        processes.stop(processes.strays(directory, ("postgres",)), signal.SIGQUIT, patience=3)
        if not processes.strays(directory):
            break
    for path in directory.iterdir():
        if path.name == layout.MARKER:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    (directory / layout.MARKER).unlink()
    directory.rmdir()


def _start_everything(planned: Layout) -> None:
    account = planned.account
    programs.bring(planned.directory, planned.programs)
    roles = (*_ROLES, "bucardo") if planned.engine == "bucardo" else _ROLES
    passwords = {role: secrets.token_urlsafe(24) for role in roles}
    account.make_dir(planned.directory / "run")
    account.make_dir(planned.directory / "log")
    lines = {role: f"127.0.0.1:*:*:{role}:{password}\n" for role, password in passwords.items()}
    account.write(planned.passfile, "".join(lines.values()))
    account.write(planned.console_passfile, lines["bdr_console"])
    first_password = account.write(planned.directory / "initdb.pass", passwords["postgres"] + "\n")

    def begin(node: NodeLayout) -> None:
        postgres_nodes.create(planned, node, first_password)
        postgres_nodes.wait_ready(planned, node, postgres_nodes.start(planned, node))
        _install(planned, node, passwords)

    with ThreadPoolExecutor(max_workers=4) as pool:
        for future in [pool.submit(begin, node) for node in planned.servers]:
            future.result()
    first_password.unlink()
    for proxy in planned.proxies:
        haproxies.create(planned, proxy)
        haproxies.start(planned, proxy.name)
    for pooler in planned.poolers:
        pgbouncers.create(planned, pooler, passwords)
        pgbouncers.start(planned, pooler)
    _form_group(planned)
    _write_console_config(planned)


def _install(layout: Layout, node: NodeLayout, passwords: Mapping[str, str]) -> None:
    """Make the roles on one server; on a node also the database and what replicates it."""
    with postgres_nodes.session(layout, node, "postgres") as connection:
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


def _form_group(layout: Layout) -> None:
    """Connect the nodes, and return when each has the load's tables and their first rows."""
    mesh = mesh_of(layout.engine)
    mesh.form(layout)
    for node in layout.nodes:
        with postgres_nodes.session(layout, node) as connection:

            def seeded(connection: psycopg.Connection[Any] = connection) -> bool:
                if connection.execute("SELECT to_regclass('public.counter')").fetchone() == (None,):
                    return False
                return connection.execute("SELECT count(*) FROM counter").fetchone() == (workload.FIRST_ROWS,)

            if not processes.wait(seeded, 30):
                raise ConsoleError(
                    f"replication to {node.name} does not deliver the first rows: {mesh.troubles(layout)}"
                )


def _write_console_config(layout: Layout) -> None:
    """Write `config.yaml` and read it back: a lab never hands out a configuration that does not load."""
    cluster = {
        "environment": layout.environment,
        "nodes": {
            node.name: {"dsn": layout.dsn(node.port, "bdr_console"), "server": node.server}
            for node in layout.nodes
        }
        | (
            {
                layout.control.name: {
                    "dsn": layout.dsn(layout.control.port, "bdr_console", bucardo_mesh.DATABASE)
                }
            }
            if layout.control
            else {}
        ),
        "proxies": {
            proxy.name: {
                "socket": str(layout.socket(proxy.name)),
                "backends": [haproxies.BACKEND],
                "listen": [f"127.0.0.1:{proxy.port}"],
                "config_file": str(haproxies.configuration_file(layout, proxy.name)),
            }
            for proxy in layout.proxies
        },
        "poolers": {
            pooler.name: {
                # without a database: the console always connects to `pgbouncer`
                "dsn": f"host=127.0.0.1 port={pooler.port} user=bdr_console"
                f" passfile={layout.console_passfile}"
            }
            for pooler in layout.poolers
        },
    }
    text = yaml.safe_dump({"clusters": {"lab": cluster}}, sort_keys=False, width=200)
    layout.account.write(layout.config, "# Written by bdr-console lab up.\n" + text)
    config.load(layout.config)


def _make_directory(directory: Path) -> None:
    account = Account.current()
    _make_parents(directory, account)
    if directory.is_symlink() or (
        directory.exists() and (not directory.is_dir() or any(directory.iterdir()))
    ):
        raise ConsoleError(
            f"{directory} is there already and is not a lab",
            "Name a directory that is empty or not there yet.",
        )
    if directory.exists():
        directory.rmdir()
    try:
        account.make_dir(directory)
        processes.run(account, ["test", "-w", directory], cwd=Path("/"))
    except ConsoleError:
        directory.rmdir()
        raise ConsoleError(
            f"the account '{account.name}', which the lab's servers run as, cannot reach {directory}",
            "Let that account enter its parents (chmod o+x), or name a directory below /var/tmp.",
        ) from None


def _make_parents(directory: Path, account: Account) -> None:
    """Private ones; where the lab runs as another account than the caller's, that account may pass."""
    try:
        for missing in reversed([each for each in directory.parents if not each.exists()]):
            missing.mkdir(mode=0o700)
            if account.is_other:
                missing.chmod(0o711)
    except OSError as error:
        raise unusable(directory, error) from None


def _clear_dead(directory: Path) -> None:
    """Remove what a lab that runs no more has left; raises ConsoleError when one runs."""
    if not layout.is_lab(directory):
        return
    with _claimed(directory):
        if processes.strays(directory):
            raise ConsoleError(
                f"a lab is already running in {directory}",
                f"Open it: bdr-console --config {directory / layout.CONFIG}. "
                f"Stop it: bdr-console lab down --directory {directory}.",
            )
        remove(directory)


def _same(directory: Path, planned: Layout) -> bool:
    """Whether the lab in `directory` is the one that was just being started."""
    try:
        return layout.load(directory) == planned
    except ConsoleError:
        return False


@contextmanager
def _claimed(directory: Path) -> Iterator[None]:
    """Hold the directory against a second `up` or `down` at the same time."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConsoleError(
                f"another command is starting or stopping the lab in {directory}", "Wait for it to end."
            ) from None
        yield
    finally:
        os.close(fd)


@contextmanager
def signals_end_it() -> Iterator[None]:
    """SIGTERM and SIGHUP become an exception, so that what was started is stopped again."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    yield from _with_handler(end, (signal.SIGTERM, signal.SIGHUP))


@contextmanager
def signals_ignored() -> Iterator[None]:
    """A second Ctrl-C does not interrupt the cleaning."""
    yield from _with_handler(signal.SIG_IGN, (signal.SIGTERM, signal.SIGHUP, signal.SIGINT))


def _with_handler(handler: object, numbers: tuple[signal.Signals, ...]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    before = {number: signal.signal(number, handler) for number in numbers}  # type: ignore[arg-type]
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
