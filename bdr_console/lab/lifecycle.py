"""Bringing a whole lab up, and taking it down so that nothing of it is left."""

import fcntl
import os
import secrets
import shutil
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from bdr_console.errors import ConsoleError
from bdr_console.lab import (
    bucardo,
    console_config,
    haproxy,
    layout,
    pgbouncer,
    postgres,
    processes,
    programs,
    replication,
)
from bdr_console.lab.account import Account
from bdr_console.lab.layout import Layout, NodeLayout
from bdr_console.lab.mesh import mesh_of
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
        bucardo.stop(directory)
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
        postgres.create(planned, node, first_password)
        postgres.wait_ready(planned, node, postgres.start(planned, node))
        replication.install(planned, node, passwords)

    with ThreadPoolExecutor(max_workers=4) as pool:
        for future in [pool.submit(begin, node) for node in planned.servers]:
            future.result()
    first_password.unlink()
    for proxy in planned.proxies:
        haproxy.create(planned, proxy)
        haproxy.start(planned, proxy.name)
    for pooler in planned.poolers:
        pgbouncer.create(planned, pooler, passwords)
        pgbouncer.start(planned, pooler)
    replication.form_group(planned)
    console_config.write(planned)


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
