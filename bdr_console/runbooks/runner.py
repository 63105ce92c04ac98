"""The runner: one process, in its own session, that carries out one run and outlives whoever started it.

`python -m bdr_console.runbooks.runner RUN_DIRECTORY`; the directory holds request.json. Its journal is its
only output. SIGHUP is ignored. SIGTERM and SIGINT stop it where it stands: nothing is put back, nothing more
is done, and the journal says so (the run then reads as "runner gone"); to end a run properly, send `abort`.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bdr_console.config import ClusterSettings, load
from bdr_console.errors import ConsoleError
from bdr_console.runbooks import launch
from bdr_console.runbooks.catalog import built, planned
from bdr_console.runbooks.checks import ALL_PARTS, refuses
from bdr_console.runbooks.control import listening
from bdr_console.runbooks.engine import Engine
from bdr_console.runbooks.journal import RUNNER_LOCK, Journal
from bdr_console.runbooks.live import LiveWorld
from bdr_console.runbooks.locks import Busy, cluster_locks, hold
from bdr_console.runbooks.run import RunStatus
from bdr_console.runbooks.step import Plan
from bdr_console.runbooks.watchdog import Watchdog


def main(arguments: list[str]) -> int:
    """Run to the end; 0 when the run ended by itself, however it ended, 2 when it never began."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.umask(0o077)
    directory = Path(arguments[0])
    try:
        asyncio.run(_carry_out(directory))
    except ConsoleError as error:
        # The launcher reads the last line of the log.
        print(json.dumps({"problem": error.problem, "remedy": error.remedy, "exit_code": error.exit_code}))
        return 2
    except asyncio.CancelledError:
        return 1
    return 0


async def _carry_out(directory: Path) -> None:
    request: dict[str, str] = json.loads((directory / launch.REQUEST).read_text(encoding="utf-8"))
    name, settings = load(Path(request["config"])).cluster(request["cluster"])
    holder = {
        "run": request["run"],
        "directory": str(directory),
        "node": request["node"],
        "who": request["who"],
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
        "pid": str(os.getpid()),
    }
    _take_locks(directory, settings, holder)
    world = LiveWorld(name, settings, application_name=f"bdr-console run {request['run'][-4:]}")
    try:
        await _run(directory, request, settings, world)
    finally:
        await world.close()


def _take_locks(directory: Path, settings: ClusterSettings, holder: dict[str, str]) -> None:
    """Locks are let go when this process ends; raises ConsoleError naming who holds one already."""
    try:
        for path in cluster_locks(tuple(proxy.socket for proxy in settings.proxies.values())):
            hold(path, holder)
    except Busy as busy:
        raise launch.busy_error(busy.holder) from None
    hold(directory / RUNNER_LOCK, holder)


async def _run(directory: Path, request: dict[str, str], settings: ClusterSettings, world: LiveWorld) -> None:
    reading = await world.read(ALL_PARTS)
    made, checks = planned(reading, settings, request)
    journal = Journal(directory, request["run"])
    journal.write("run", **_beginning(made, request))
    journal.write("checks", checks=[asdict(check) for check in checks])
    if refused := refuses(checks):
        why = "; ".join(f"{check.title}: {check.seen}" for check in refused)
        message = f"Refused by the checks. {why}. Nothing was changed."
        journal.write("end", status=RunStatus.REFUSED, message=message, leftovers=[])
        return
    watch = Watchdog(directory, journal)
    engine = Engine(built(made, settings, request), world, journal, watch=watch)
    with _stops_on_signal(journal):
        async with listening(directory, engine.hear):
            try:
                await engine.run()
            except Exception as error:
                traceback.print_exc()
                left = tuple(
                    f"'{act.command.text}' was sent to {act.command.host}. To take it back: {act.undo.text}"
                    for act in engine.taken
                    if act.undo
                )
                message = f"The runner failed ({type(error).__name__}: {error}); see {launch.LOG}."
                journal.write("end", status=RunStatus.STOPPED, message=message, leftovers=left)


def _beginning(made: Plan, request: dict[str, str]) -> dict[str, Any]:
    views = [
        {
            "key": view.key,
            "title": view.title,
            "commands": [asdict(command) for command in view.commands],
            "undo": [asdict(command) for command in view.undo],
            "deadline": view.deadline,
        }
        for view in made.views()
    ]
    return {
        "runbook": made.runbook,
        "cluster": made.cluster,
        "environment": made.environment,
        "node": made.node,
        "who": request["who"],
        "reason": request["reason"],
        "pid": os.getpid(),
        "notes": made.notes,
        "steps": views,
    }


@contextlib.contextmanager
def _stops_on_signal(journal: Journal) -> Iterator[None]:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def stop(number: signal.Signals) -> None:
        journal.write("signal", signal=number.name, text="stopped where it stands; nothing is put back")
        if task is not None:
            task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
