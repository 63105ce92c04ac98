"""The pictures of the documentation: the console on a real lab under load, well and not so well."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click

from bdr_console.config import load
from bdr_console.config.options import Options
from bdr_console.lab import Lab
from bdr_console.monitor import Monitor
from bdr_console.recording.reader import Recording
from bdr_console.runbooks.execute import launch
from bdr_console.runbooks.model.run import RunStatus, RunView
from bdr_console.ui.live_services import JournalRuns, LiveRunbooks, MonitorSource
from bdr_console.ui.screenshot import of_recording, svg
from bdr_console.ui.theming.themes import appearance
from script.benches.labs import bench_lab

DOCS = Path(__file__).parents[2] / "docs"
_OPERATOR = "dba@bastion"
"""Who the runs say has started them: no picture names the account or the host it was made on."""
_WIDE, _SMALL = (140, 40), (80, 24)
_WELL = 12.0
"""Seconds that a console watches before something happens; what comes sooner counts as found."""
_PATIENCE = 60.0
"""Seconds that a run may take to come where a picture needs it."""


def main() -> None:
    """Bring a lab up, picture it, and take it down."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as state, patch.object(launch, "who", lambda: _OPERATOR):
        os.environ["BDR_CONSOLE_STATE"] = state
        with bench_lab() as lab:
            lab.start_load(clients=16, rate=200)
            recording = Path(state) / "pictures.bdrrec"
            with _recorded(lab, recording):
                lagging = _scenes(Camera(lab))
            _replayed("gallery/replay", recording, at="node3 lost")
            _replayed("gallery/link", recording, at=lagging, keys=("3", ">", ">", ">", "g", "enter"))
    click.echo(f"{time.monotonic() - began:.0f} s")


def _scenes(camera: "Camera") -> str:
    """Every picture of the live lab. Returns when, by the local clock, a link was lagging."""
    lab = camera.lab
    camera.take("gallery/healthy", settle=15)

    camera.take("gallery/node-down", settle=22, meanwhile=lambda: lab.break_("freeze", "node3"))
    lab.mend_all()

    with _run(lab, "quiesce") as run:
        _await(run, lambda view: view.status is RunStatus.HOLDING)
        camera.take("gallery/quiesce", settle=3, keys=("w",))
    lab.mend_all()

    camera.take("console", settle=40, meanwhile=lambda: lab.break_("pause-apply", "node1:node3"))
    lagging = f"{datetime.now():%H:%M:%S}"  # noqa: DTZ005 - as a user would type it
    camera.take("gallery/mono", settle=12, keys=("2", "right"), size=_SMALL, theme="mono")
    lab.mend_all()

    lab.break_("hold-transaction")
    time.sleep(8)  # old enough that the picture shows an age
    with _run(lab, "gradual"):
        camera.take("switchover", settle=6, keys=("w",))
    return lagging


@dataclass(frozen=True, slots=True)
class Camera:
    """Takes pictures of the console on one lab."""

    lab: Lab

    def take(
        self,
        name: str,
        *,
        settle: float,
        keys: tuple[str, ...] = (),
        size: tuple[int, int] = _WIDE,
        theme: str = "dark",
        meanwhile: Callable[[], None] | None = None,
    ) -> None:
        """One picture after `settle` seconds on the screen and then `keys`; some seconds after it has been
        opened `meanwhile` happens to the cluster."""
        cluster, settings = load(self.lab.config).cluster(None)
        drawn = svg(
            MonitorSource(lambda: Monitor(cluster, settings, 1.0)),
            size,
            cluster=cluster,
            environment=settings.environment,
            theme=theme,
            runs=JournalRuns(cluster),
            acts=LiveRunbooks(self.lab.config, cluster, settings),
            settle=settle,
            keys=keys,
        )
        _keep(name, asyncio.run(_while(drawn, meanwhile)))


async def _while(drawn: Coroutine[Any, Any, str], happens: Callable[[], None] | None) -> str:
    async def happen() -> None:
        if happens is not None:
            await asyncio.sleep(_WELL)
            await asyncio.to_thread(happens)

    async with asyncio.TaskGroup() as together:
        together.create_task(happen())
        drawing = together.create_task(drawn)
    return drawing.result()


def _replayed(name: str, recording: Path, *, at: str, keys: tuple[str, ...] = ()) -> None:
    with Recording(recording) as opened:
        look = appearance(Options(), None, None, theme="dark", on_terminal=False)
        _keep(name, asyncio.run(of_recording(opened, at, _WIDE, look, keys)).svg)


def _keep(name: str, picture: str) -> None:
    """Write a picture to docs/, unless it names this host."""
    words = "".join(ET.fromstring(picture).itertext())  # noqa: S314 - our own output
    if (host := socket.gethostname()) in words:
        raise AssertionError(f"the picture {name} names {host}")
    (DOCS / f"{name}.svg").write_text(picture, encoding="utf-8")
    click.echo(f"docs/{name}.svg")


@contextmanager
def _recorded(lab: Lab, file: Path) -> Iterator[None]:
    """Record the lab as `bdr-console record` does."""
    command = [sys.executable, "-m", "bdr_console", "--config", str(lab.config), "record", str(file)]
    recorder = subprocess.Popen(command)
    try:
        yield
    finally:
        recorder.send_signal(signal.SIGINT)
        recorder.wait(_PATIENCE)


@contextmanager
def _run(lab: Lab, mode: str) -> Iterator[Path]:
    """A switchover of node1 that is ended, one way or the other, at the end."""
    run = launch.start(lab.config, "lab", "node1", "kernel update", mode=mode)
    try:
        yield run
    finally:
        view = launch.follow(run).poll()
        holds = view is not None and view.status is RunStatus.HOLDING
        asyncio.run(launch.send(run, "go" if holds else "abort"))
        _await(run, lambda view: view.status.over)


def _await(run: Path, reached: Callable[[RunView], bool]) -> None:
    follower = launch.follow(run)
    end = time.monotonic() + _PATIENCE
    while (view := follower.poll()) is None or not reached(view):
        if time.monotonic() > end:
            raise AssertionError(f"{run.name} stands at {view.status if view else 'nothing'}")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
