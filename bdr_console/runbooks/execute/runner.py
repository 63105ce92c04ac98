"""The runner: one process, in its own session, that carries out one run and outlives whoever started it.

`python -m bdr_console.runbooks.execute.runner RUN_DIRECTORY`, which holds request.json; or `--told-through
DESCRIPTOR`: whoever is at its other end says which run it is (see spawn.py). Its journal is its only output.
SIGHUP is ignored. SIGTERM and SIGINT stop it where it stands: nothing is put back, nothing more is done, and
the journal says so (the run then reads as "runner gone"); to end a run properly, send `abort`.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from bdr_console import logs
from bdr_console.config import ClusterSettings, load
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.execute import launch
from bdr_console.runbooks.execute.catalog import built
from bdr_console.runbooks.execute.control import listening
from bdr_console.runbooks.execute.engine import StepEngine
from bdr_console.runbooks.execute.hold_command import NodeHosts
from bdr_console.runbooks.execute.live_world import LiveWorld
from bdr_console.runbooks.execute.operator_commands import OperatorCommands
from bdr_console.runbooks.execute.resume import as_event
from bdr_console.runbooks.execute.rolling import Rolling, TurnJournal, beginning
from bdr_console.runbooks.execute.rolling_plan import nodes_of, subject
from bdr_console.runbooks.execute.run_setup import Request, RunSetup, undertake
from bdr_console.runbooks.execute.sampler import Sampler
from bdr_console.runbooks.execute.spawn import Starter
from bdr_console.runbooks.execute.unattended import HoldOrder, Unattended
from bdr_console.runbooks.guard.watchdog import Watchdog
from bdr_console.runbooks.journal.journal_file import RUNNER_LOCK, Journal
from bdr_console.runbooks.journal.progress_writer import steps_event
from bdr_console.runbooks.journal.run_from_journal import RunInMemory
from bdr_console.runbooks.locks import Busy, cluster_locks, hold, is_held
from bdr_console.runbooks.model.run import RunStatus
from bdr_console.runbooks.model.step import Plan
from bdr_console.runbooks.operator_lock import OperatorLock
from bdr_console.runbooks.plan import isolate

_LOCK_LOOK_EVERY = 1.0
_SAMPLED_WITHIN = 2.0
"""Seconds until a run begins whether its clients could be looked at or not."""


def main(arguments: list[str]) -> int:
    """Run to the end; 0 when the run ended by itself, however it ended, 2 when it never began."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.umask(0o077)
    logs.start()
    told = arguments[0] == "--told-through"
    starter = Starter(int(arguments[1]) if told else None)
    directory = starter.directory() if told else Path(arguments[0])
    if directory is None:
        return 0
    try:
        asyncio.run(_carry_out(directory, starter))
    except ConsoleError as error:
        # The launcher reads the last line of the log.
        print(json.dumps({"problem": error.problem, "remedy": error.remedy, "exit_code": error.exit_code}))
        return 2
    except asyncio.CancelledError:
        return 1
    return 0


async def _carry_out(directory: Path, starter: Starter) -> None:
    request: Request = json.loads((directory / launch.REQUEST).read_text(encoding="utf-8"))
    name, settings = load(Path(request["config"])).cluster(request["cluster"])
    operator = request.get("by", request["who"])
    holder = {
        "run": request["run"],
        "directory": str(directory),
        "node": subject(request),
        "who": operator,
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
        "pid": str(os.getpid()),
    }
    tag = request["run"][-4:]
    locks = _take_locks(directory, settings, holder)
    dead = isolate.unasked(request)
    lock = OperatorLock(settings, f"run {tag}", operator, without=frozenset(dead))
    world = LiveWorld(name, settings, application_name=f"bdr-console run {tag}", hurried=dead)
    try:
        await lock.take()
        await _run(directory, request, settings, world, lock, locks, starter)
    finally:
        await asyncio.gather(world.close(), lock.close())


def _take_locks(directory: Path, settings: ClusterSettings, holder: dict[str, str]) -> tuple[int, ...]:
    """Take the locks, which are let go when this process ends; those of the cluster are returned, for the
    watchdog to hold on to. Raises ConsoleError naming who holds one already."""
    try:
        locks = tuple(hold(path, holder) for path in cluster_locks(settings.proxy_places))
        hold(directory / RUNNER_LOCK, holder)
    except Busy as busy:
        raise launch.busy_error(busy.holder) from None
    return locks


async def _run(
    directory: Path,
    request: Request,
    settings: ClusterSettings,
    world: LiveWorld,
    lock: OperatorLock,
    locks: tuple[int, ...],
    starter: Starter,
) -> None:
    task = await undertake(directory, request, settings, world)
    await starter.agree()
    journal = Journal(directory, request["run"], RunInMemory(task.so_far))
    commands = OperatorCommands(journal)

    carry = partial(_carry, directory, request, settings, world, lock, locks, commands)

    def turn() -> TurnJournal:
        made = TurnJournal(directory, request["run"], journal.run)
        made.reclaim = journal.reclaim
        return made

    journal.reclaim = partial(_reclaim, directory, request)
    with _stops_on_signal(journal):
        async with listening(directory, commands.take_word) as renew:
            _begin(journal, request, task, lock)
            starter.begun()
            reachable = asyncio.create_task(_stay_reachable(directory, request, journal, renew))
            try:
                if nodes_of(request):
                    rolling = Rolling(request, settings, world, journal, commands)
                    await rolling.go(task, turn, carry)
                elif task.refusal:
                    message = f"{task.refusal} Nothing was changed."
                    journal.write("end", status=RunStatus.REFUSED, message=message, leftovers=[])
                else:
                    await carry(task, journal)
            finally:
                reachable.cancel()


async def _stay_reachable(
    directory: Path, request: Request, journal: Journal, renew: Callable[[], Awaitable[None]]
) -> None:
    """A run whose directory somebody has deleted makes it anew: without it no console finds it any more, and
    nobody could steer or end it."""
    while True:
        await asyncio.sleep(_LOCK_LOOK_EVERY)
        try:
            journal.restore()
            await renew()
        except OSError as error:
            print(f"the run's directory could not be made anew: {error}", file=sys.stderr)


def _reclaim(directory: Path, request: Request) -> None:
    """The lock first: a journal whose runner holds none is that of a dead run. Then what the run is."""
    if is_held(directory / RUNNER_LOCK):
        return
    print(f"{directory} was deleted, and is made anew", file=sys.stderr)
    with contextlib.suppress(Busy):
        hold(
            directory / RUNNER_LOCK,
            {"run": request["run"], "directory": str(directory), "pid": str(os.getpid())},
        )
    with contextlib.suppress(ConsoleError):
        launch.write_request(directory, request)


async def _carry(
    directory: Path,
    request: Request,
    settings: ClusterSettings,
    world: LiveWorld,
    lock: OperatorLock,
    locks: tuple[int, ...],
    commands: OperatorCommands,
    task: RunSetup,
    journal: Journal,
) -> None:
    """One node's run, or its turn in a rolling run, to its end."""
    made = built(task.plan, settings, request)
    for step in made:
        step.taken += task.taken.get(step.plan.key, ())
    # In a later turn a node was restarted before, and the lock on it with that.
    later = task.plan.node != request["node"]

    async def permit() -> tuple[str, ...]:
        """The lock must be held without a gap until the first act; after it the run is better finished."""
        if engine.taken:
            return ()
        _tell(journal, await lock.look())
        return tuple(lock.broken if later else lock.lost)

    watch = Watchdog(directory, journal, locks)
    engine = StepEngine(made, world, journal, begin_at=task.begin_at, permit=permit, watch=watch)
    commands.engine = engine.take_word
    sampler = Sampler(world, task.plan.node, journal)
    async with _attended(request, settings, journal, engine, lock, sampler):
        try:
            await (engine.undo(_why_back(request)) if task.undo else engine.run())
        except Exception as error:
            traceback.print_exc()
            left = tuple(
                f"'{act.command.text}' was sent to {act.command.host}. To take it back: {act.undo.text}"
                for act in engine.taken
                if act.undo
            )
            message = f"The runner failed ({type(error).__name__}: {error}); see {launch.LOG}."
            journal.write("end", status=RunStatus.STOPPED, message=message, leftovers=left)


def _why_back(request: Request) -> str:
    return f"Taken back by {request.get('by', request['who'])}."


def _begin(journal: Journal, request: Request, task: RunSetup, lock: OperatorLock) -> None:
    """The events before the first step: what is to be done, by whom, on what grounds."""
    if request["word"] in ("resume", "undo"):
        word = "Going back" if task.undo else "Going on"
        message = f"{word} from what is seen, by {request['by']}."
        journal.write("resume", who=request["by"], pid=os.getpid(), undo=task.undo, message=message)
    else:
        journal.write("run", **_beginning(task.plan, request))
    journal.write("plan", plan=as_event(task.plan))
    if task.taken:
        own = [
            {"step": step, "host": act.command.host, "command": act.command.text}
            for step, acts in task.taken.items()
            for act in acts
        ]
        journal.write("taken", acts=own)
    journal.write("checks", checks=[asdict(check) for check in task.checks])
    journal.write(
        "lock",
        text=f"the operators' lock is held on {', '.join(lock.held) or 'no node'}",
        unlocked=lock.unlocked,
    )
    for problem in task.problems:
        journal.write("alarm", text=problem)


def _beginning(made: Plan, request: Request) -> dict[str, Any]:
    return {
        "runbook": made.runbook,
        "cluster": made.cluster,
        "environment": made.environment,
        "node": made.node,
        "who": request["who"],
        "reason": request["reason"],
        "until": request.get("until") or None,
        "pid": os.getpid(),
        "notes": made.notes,
        "steps": steps_event(made),
        **(beginning(request, made.node) if nodes_of(request) else {}),
    }


@contextlib.asynccontextmanager
async def _attended(
    request: Request,
    settings: ClusterSettings,
    journal: Journal,
    engine: StepEngine,
    lock: OperatorLock,
    sampler: Sampler,
) -> AsyncIterator[None]:
    """While the run goes on: watch the lock and what clients feel, and keep the orders for the hold."""
    hosts = NodeHosts(settings)
    tasks = [
        asyncio.create_task(_watch(journal, engine, lock)),
        asyncio.create_task(sampler.see_through()),
    ]
    if "hold" in request:
        order = HoldOrder.from_request(request["hold"])
        unattended = Unattended(journal, engine.take_word, order, hosts)
        tasks.append(asyncio.create_task(unattended.see_through()))
    try:
        with contextlib.suppress(TimeoutError):  # a PgBouncer that hangs costs its figures, not the run
            async with asyncio.timeout(0 if isolate.unasked(request) else _SAMPLED_WITHIN):
                await sampler.begun.wait()
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            try:
                await task
            except asyncio.CancelledError:
                pass
            except Exception as error:
                traceback.print_exc()
                journal.write("alarm", text=f"a part of the runner failed: {type(error).__name__}: {error}")
        await hosts.close()


async def _watch(journal: Journal, engine: StepEngine, lock: OperatorLock) -> None:
    while True:
        view = journal.run.view
        if view is not None and view.current is not None:
            lock.at(view.current.key)
        _tell(journal, await lock.look(), changed=bool(engine.taken))
        await asyncio.sleep(_LOCK_LOOK_EVERY)


def _tell(journal: Journal, losses: Any, *, changed: bool = False) -> None:
    for loss in losses:
        journal.write("alarm" if loss.grave and changed else "lock", text=loss.text)


@contextlib.contextmanager
def _stops_on_signal(journal: Journal) -> Iterator[None]:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def stop(number: signal.Signals) -> None:
        if task is not None:
            task.cancel()
        journal.write("signal", signal=number.name, text="stopped where it stands; nothing is put back")

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
