"""Runs under load whose runner, watchdog or both are killed at random instants, and finished by a console.

`python -m tests.faults.kills MINUTES [SEED]` makes a lab of its own, prints the figures, and takes it down.
"""

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from bdr_console.errors import ConsoleError
from bdr_console.lab import Lab, up
from bdr_console.runbooks.execute import launch
from bdr_console.runbooks.journal.journal_file import read_events
from bdr_console.runbooks.model.run import RunStatus, RunView
from tests.conftest import lab_directory
from tests.runbooks.test_lab_quiesce import AT_WORK, poolers_at_work
from tests.runbooks.test_lab_switchover import CLUSTER, Started, in_maintenance
from tests.waiting import wait_until

KINDS = ("runner", "watchdog", "both")


@dataclass
class Figures:
    """What came of them."""

    runs: Counter[str] = field(default_factory=Counter)
    """By mode and what was killed."""
    ends: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """What was left behind, with the run."""
    loads: list[str] = field(default_factory=list)


def campaign(lab: Lab, seconds: float, seed: int) -> Figures:
    """Two thirds of the time quiesced, one third gradual; a load over each part."""
    chance, figures = random.Random(seed), Figures()  # noqa: S311 - instants, not secrets
    for mode, share in (("quiesce", 2 / 3), ("gradual", 1 / 3)):
        until = time.monotonic() + seconds * share
        lab.start_load(clients=16, rate=200)
        while time.monotonic() < until:
            _one(lab, mode, chance, figures)
        done = lab.stop_load()
        stall = f"{done.longest_stall.seconds:.1f} s" if done.longest_stall else "none"
        figures.loads.append(
            f"{mode}: {done.transactions} transactions, {done.failed} failed, {done.lost} lost, "
            f"longest stall {stall}"
        )
    return figures


def _one(lab: Lab, mode: str, chance: random.Random, figures: Figures) -> None:
    # Only a pause has a watchdog.
    kind = chance.choice(KINDS) if mode == "quiesce" else "runner"
    word = chance.choice(("undo", "resume"))
    run = Started(launch.start(lab.config, CLUSTER, _with_traffic(lab), "a kill", mode=mode))
    end = time.monotonic() + chance.uniform(0.0, 4.0)
    wait_until(
        lambda: time.monotonic() > end or run.view.status is RunStatus.HOLDING, "it is time", pause=0.001
    )
    at = run.view.current.key if run.view.current else run.view.status.name.lower()
    killed = _kill(run, kind)
    figures.runs[f"{mode}, {killed or 'nothing'} killed"] += 1
    try:
        ended = _finish(run, word)
        wait_until(
            lambda: poolers_at_work(lab) == AT_WORK and not in_maintenance(lab),
            lambda: f"{poolers_at_work(lab)}, {in_maintenance(lab)}",
            seconds=15,
        )
        figures.ends[ended] += 1
    except (AssertionError, ConsoleError) as error:
        figures.wrong.append(f"{run.directory.name}: {killed} killed at {at}, {word}: {error}")


def _with_traffic(lab: Lab) -> str:
    """The node that the stick table sends clients to."""
    socket = lab.layout.socket(lab.layout.proxies[0].name)
    command = ["socat", "-", f"UNIX-CONNECT:{socket}"]
    done = subprocess.run(
        command, input="show table bk_db\n", capture_output=True, text=True, timeout=10, check=False
    )
    found = re.search(r"server_id=(\d+)", done.stdout)
    return f"node{found[1] if found else 1}"


def _kill(run: Started, kind: str) -> str:
    """Kill what is there of them; what was."""
    events = read_events(run.directory)
    watchdogs = [int(e["pid"]) for e in events if e["event"] == "watchdog" and "pid" in e]
    pids = {"runner": [run.pid or 0], "watchdog": watchdogs[-1:], "both": [run.pid or 0, *watchdogs[-1:]]}[
        kind
    ]
    killed = []
    for pid in pids:
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed.append("watchdog" if pid in watchdogs else "runner")
    if "runner" in killed:
        wait_until(lambda: run.pid is None, "the runner is gone", seconds=5, pause=0.002)
    return " and ".join(killed)


def _finish(run: Started, word: str) -> str:
    """As an operator would: right away where the runner is gone, by a word where it lives."""
    said = "attached"
    if run.view.status is RunStatus.LOST:
        said = word
        launch.again(run.directory.name, undo=word == "undo")
    view = run.until(_stands, "it stands", timeout=60)
    if view.status is RunStatus.HOLDING:
        run.say("go")
        view = run.until(lambda now: now.status.over, "over", timeout=60)
    if view.status in (RunStatus.LOST, RunStatus.STOPPED):
        launch.again(run.directory.name, undo=True)
        view = run.until(lambda now: now.status.over and run.pid is None, "undone", timeout=60)
    return f"{said}: {view.status.value}"


def _stands(view: RunView) -> bool:
    return view.status.over or view.status is RunStatus.HOLDING


def main(arguments: list[str]) -> int:
    """Print the figures; 0 when nothing was left behind."""
    minutes, seed = float(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 1
    with tempfile.TemporaryDirectory() as state:
        os.environ["BDR_CONSOLE_STATE"] = state
        lab = up(lab_directory("kills"))
        try:
            figures = campaign(lab, 60 * minutes, seed)
        finally:
            lab.down()
    for name, counter in (("runs", figures.runs), ("ended", figures.ends)):
        for what, count in sorted(counter.items()):
            print(f"{name:<6} {count:4}  {what}")
    print(*figures.loads, sep="\n")
    print(f"left something behind: {len(figures.wrong)}", *figures.wrong, sep="\n  ")
    return 1 if figures.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
