"""`bdr-console with-lock`: another program under the operators' lock, for cron and the like."""

import asyncio
import contextlib
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from bdr_console.config import ClusterSettings, opened
from bdr_console.config.options import Options
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.execute import launch
from bdr_console.runbooks.locks import Busy, cluster_locks, hold
from bdr_console.runbooks.model.run import WRONG_USE
from bdr_console.runbooks.operator_lock import OperatorLock

_LOOK_EVERY = 1.0


@click.command("with-lock", context_settings={"ignore_unknown_options": True})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
def with_lock(options: Options, command: tuple[str, ...]) -> None:
    """Run COMMAND while no switchover can run, and none while it runs.

    Exits with 11 when the lock is held, else with the command's own code. Write -- before COMMAND.
    """
    config, cluster = options.config, options.cluster
    _, settings = opened(config).cluster(cluster)
    try:
        sys.exit(asyncio.run(hold_lock(settings, command)))
    except OSError as error:
        raise ConsoleError(f"cannot run {command[0]}: {error.strerror}", "", WRONG_USE) from None


async def hold_lock(settings: ClusterSettings, command: tuple[str, ...]) -> int:
    """Run `command` with our own input and output while the lock is held; returns its exit code (128 + the
    signal that ended it). Raises ConsoleError (11) when somebody holds the lock, OSError when the command
    cannot be started. A lock that is lost meanwhile is said on stderr; the command runs on."""
    holder = {
        "command": command[0],
        "who": launch.who(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
        "pid": str(os.getpid()),
    }
    lock = OperatorLock(settings, f"lock {Path(command[0]).name[:16]}", launch.who())
    with contextlib.ExitStack() as held:
        try:
            for path in cluster_locks(settings.proxy_places):
                held.callback(os.close, hold(path, holder))
        except Busy as busy:
            raise launch.busy_error(busy.holder) from None
        await lock.take()
        return await _run(lock, command)


async def _run(lock: OperatorLock, command: tuple[str, ...]) -> int:
    try:
        process = await asyncio.create_subprocess_exec(*command)
        _pass_on_signals(process)
        watching = asyncio.create_task(_watch(lock))
        try:
            code = await process.wait()
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
    finally:
        await lock.close()
    return code if code >= 0 else 128 - code


def _pass_on_signals(process: asyncio.subprocess.Process) -> None:
    """Ctrl-C reaches the command by itself; the others are passed on. We stay until it ends."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, lambda: None)

    def pass_on(number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, pass_on, number)


async def _watch(lock: OperatorLock) -> None:
    while True:
        await asyncio.sleep(_LOOK_EVERY)
        for loss in await lock.look():
            click.echo(f"bdr-console: {loss.text}", err=True)
