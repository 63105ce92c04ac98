"""Start a run, speak to it, and find the runs there have been: all that a console needs of runbooks."""

import json
import os
import secrets
import shutil
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bdr_console.config import load
from bdr_console.errors import ConsoleError
from bdr_console.paths import private_dir, require_room, who, write_private
from bdr_console.runbooks import locks
from bdr_console.runbooks.execute.control import say
from bdr_console.runbooks.execute.preview import preview
from bdr_console.runbooks.execute.spawn import LOG, Runner
from bdr_console.runbooks.execute.unattended import HoldOrder
from bdr_console.runbooks.journal.abandoned_runs import Orphan, orphans
from bdr_console.runbooks.journal.journal_file import JOURNAL, JournalFollower, find, follow, run_dir, runs
from bdr_console.runbooks.locks import Busy, cluster_locks, holder_of
from bdr_console.runbooks.model.plan_id import KeptPlan
from bdr_console.runbooks.model.run import DEFAULT_MODE, LOCKED, REFUSED, RunStatus

__all__ = [
    "LOG",
    "Orphan",
    "Runner",
    "again",
    "find",
    "follow",
    "orphans",
    "preview",
    "run_dir",
    "runs",
    "send",
    "start",
    "take_over",
    "who",
]

REQUEST = "request.json"
_STARTING = "starting.lock"
"""Held by whoever has said resume or undo, until that runner has begun."""
_ROOM = 2**20
"""Bytes that a run may need for its journal: where there are fewer, none begins."""
_DIES_WITHIN = 2.0
"""Seconds in which a runner that was just killed lets go of its lock: it does so with its last thread, which
on a busy machine comes later than the process looks dead."""
_LEAVES_WITHIN = 10.0
"""Seconds that a runner gets to leave once its run has ended."""


def start(
    config: Path,
    cluster: str,
    node: str,
    reason: str = "",
    *,
    plan: KeptPlan | None = None,
    hold: HoldOrder | None = None,
    mode: str = DEFAULT_MODE,
    session_pools: str = "wait",
    until: datetime | None = None,
    runbook: str = "switchover",
    nodes: tuple[str, ...] = (),
    runner: Runner | None = None,
) -> Path:
    """Start the switchover of `node` in a runner process of its own and return the run's directory.

    With `plan`, the runner refuses when the world is not the one that the plan saw. With `hold` nobody is
    asked anything: see `unattended`. `mode` is auto, quiesce or gradual, `session_pools` wait or fast-close;
    `until` (with its zone) is when the maintenance should be over, and `runbook` may be `isolate` for a node
    that is dead already. With `nodes`, of which `node` is the first, they get their turns one after the
    other (see rolling.py). `runner` is a process that waits for this already. Returns when the journal has
    begun. Blocks meanwhile (seconds when targets are silent): call it from a thread. Raises ConsoleError when
    another run is under way, or when the runner ended before it began.
    """
    request: dict[str, Any] = {
        "word": "start",
        "reason": reason,
        "mode": mode,
        "session_pools": session_pools,
        "until": until.isoformat() if until else "",
        "runbook": runbook,
    }
    if nodes:
        request["nodes"] = list(nodes)
    if plan is not None:
        request["plan"] = {"id": plan.id, "seen": plan.seen}
    if hold is not None:
        request["hold"] = {"seconds": hold.seconds, "command": hold.command, "on_node": hold.on_node}
    return _start(config, cluster, node, request, runner)


def take_over(
    config: Path, cluster: str, node: str, reason: str = "", *, undo: bool, runner: Runner | None = None
) -> Path:
    """Go on with (or take back) a switchover of `node` without its journal: what is seen in force counts as
    this run's own, because the operator says so. Otherwise as `start`."""
    request = {"word": "adopt-undo" if undo else "adopt", "reason": reason}
    return _start(config, cluster, node, request, runner)


def _start(
    config: Path, cluster: str, node: str, request: dict[str, Any], runner: Runner | None = None
) -> Path:
    settings = load(config)
    name, chosen = settings.cluster(cluster)
    if node not in chosen.nodes:
        known = ", ".join(chosen.nodes)
        raise ConsoleError(f"cluster '{name}' has no node named '{node}'", f"It has: {known}.")
    refuse_if_busy(chosen.proxy_places)
    named = "rolling" if "nodes" in request else node
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{named}-{secrets.token_hex(2)}"
    directory = private_dir(run_dir(run_id))
    request |= {"run": run_id, "config": str(config.absolute()), "cluster": name, "node": node, "who": who()}
    try:
        require_room(directory, _ROOM)
        write_request(directory, request)
        (runner or Runner()).begin(directory)
    except ConsoleError:
        if not (directory / JOURNAL).exists():
            shutil.rmtree(directory, ignore_errors=True)
        raise
    return directory


def again(run_id: str, *, undo: bool, runner: Runner | None = None) -> Path:
    """Go on with a run whose runner is gone, or that left something behind; with `undo`, take it back.

    A run that was on its way back goes on that way. `runner` is a process that waits for this already.
    Otherwise as `start`. Raises ConsoleError for a run
    that has ended well or is under way.
    """
    directory = run_dir(run_id)
    if JournalFollower(directory).poll() is None:
        raise ConsoleError(f"there is no run '{run_id}' here", "bdr-console runs lists them.")
    word = "undo" if undo else "resume"
    try:
        # Until its runner has begun, nobody else writes what this run is asked for.
        starting = locks.hold(directory / _STARTING, {"word": word, "who": who()})
    except Busy as busy:
        raise ConsoleError(
            f"{busy.holder.get('who', '?')} has just said '{busy.holder.get('word', '?')}' to {run_id}",
            f"Attach to it: bdr-console attach {run_id}",
            LOCKED,
        ) from None
    try:
        _begin_again(directory, run_id, word, runner)
    finally:
        os.close(starting)
    return directory


def _begin_again(directory: Path, run_id: str, word: str, runner: Runner | None) -> None:
    follower = JournalFollower(directory)
    end = time.monotonic() + _DIES_WITHIN
    while (view := follower.poll()) is not None and not view.status.over and time.monotonic() < end:
        time.sleep(0.05)
    if view is None:
        raise ConsoleError(f"there is no run '{run_id}' here", "bdr-console runs lists them.")
    if not view.status.over:
        raise ConsoleError(f"run {run_id} is under way", f"Attach to it: bdr-console attach {run_id}", LOCKED)
    if view.status not in (RunStatus.LOST, RunStatus.STOPPED):
        raise ConsoleError(
            f"run {run_id} has ended: {view.status.value}", "There is nothing left to do.", REFUSED
        )
    try:
        request = json.loads((directory / REQUEST).read_text(encoding="utf-8"))
        config, cluster = Path(request["config"]), request["cluster"]
    except (OSError, ValueError, TypeError, KeyError):
        raise ConsoleError(
            f"{directory / REQUEST} cannot be read: what run {run_id} was asked for is not known",
            f"Take over what is seen in force instead: --node {view.node}.",
        ) from None
    _, chosen = load(config).cluster(cluster)
    refuse_if_busy(chosen.proxy_places)
    request.pop("hold", None)  # whether its command ran is not known: from here on somebody watches
    try:
        write_request(directory, {**request, "word": word, "by": who()})
    except ConsoleError as error:
        elsewhere = f"BDR_CONSOLE_STATE=/dev/shm/{directory.name} bdr-console {word} --node {request['node']}"
        raise ConsoleError(
            error.problem,
            f"Nothing was changed. Make room, or keep the new run's journal elsewhere: {elsewhere}",
        ) from None
    (runner or Runner()).begin(directory)


def write_request(directory: Path, request: Mapping[str, Any]) -> None:
    """Write what a run is asked for, whole or not at all. Raises ConsoleError."""
    write_private(directory / REQUEST, json.dumps(request))


def refuse_if_busy(addresses: tuple[str, ...]) -> None:
    """Raise ConsoleError that names who runs what on these HAProxies, if anybody does on this host.

    A run that has ended is waited for: its runner still closes its links, and a silent target delays that.
    """
    end = time.monotonic() + _LEAVES_WITHIN
    for path in cluster_locks(addresses):
        while (holder := holder_of(path)) is not None:
            if time.monotonic() > end or not _has_ended(holder):
                raise busy_error(holder)
            time.sleep(0.05)


def _has_ended(holder: Mapping[str, str]) -> bool:
    view = JournalFollower(Path(holder.get("directory", "/nonexistent"))).poll()
    return view is not None and view.status.over


def busy_error(holder: Mapping[str, str]) -> ConsoleError:
    """The refusal of a second run, with what is known of the first."""
    if command := holder.get("command"):
        return ConsoleError(
            f"`{command}` of {holder.get('who', '?')} holds the lock since {holder.get('since', '?')}",
            f"Wait until it ends (pid {holder.get('pid', '?')}).",
            exit_code=LOCKED,
        )
    at = ""
    directory = Path(holder.get("directory", "/nonexistent"))
    view = JournalFollower(directory).poll()
    if view is not None and view.status.over:
        return ConsoleError(
            f"the watchdog of run {view.run_id} still puts back what can be put back ({view.status.value})",
            f"Try again in a minute at the latest; what it does stands in {directory / JOURNAL}.",
            exit_code=LOCKED,
        )
    if view is not None and view.current is not None:
        at = f", now at '{view.current.title}' ({view.current.status.value})"
    node, operator, since = (holder.get(key, "?") for key in ("node", "who", "since"))
    return ConsoleError(
        f"a run is under way on this cluster: switchover of {node} by {operator}, since {since}{at}",
        f"Attach to it ({holder.get('run', '?')}) and let it end, or abort it there.",
        exit_code=LOCKED,
    )


async def send(run_dir: Path, word: str) -> str:
    """Say one word to a run (go, abort, wait, again, status) and return its answer; raises ConsoleError when
    the word is refused, with the reason, or when the runner is gone."""
    return await say(run_dir, word, who())
