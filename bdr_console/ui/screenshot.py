"""A picture of the screen as SVG or as text, made by the application itself without a terminal."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bdr_console.cluster.observed import Observed
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Thresholds
from bdr_console.config import ClusterSettings
from bdr_console.errors import ConsoleError
from bdr_console.recording.jump import target
from bdr_console.recording.reader import Recording
from bdr_console.ui.app import ConsoleApp, utc_now
from bdr_console.ui.cluster_view import ClusterParts
from bdr_console.ui.live_services import JournalRuns, MonitorSource
from bdr_console.ui.replay.app import ReplayApp
from bdr_console.ui.services import RunbookService, RunReader, SnapshotSource
from bdr_console.ui.theming.themes import Appearance

_DEADLINE = 15.0


@dataclass(frozen=True, slots=True)
class Shot:
    """One screen."""

    svg: str
    text: str
    """Its lines as a reader sees them, without blanks at their ends."""


async def svg(
    source: SnapshotSource,
    size: tuple[int, int] = (140, 40),
    *,
    cluster: str,
    environment: str = "",
    theme: str = "dark",
    thresholds: Thresholds | None = None,
    runs: RunReader | None = None,
    acts: RunbookService | None = None,
    keys: tuple[str, ...] = (),
    settle: float = 0.0,
    deadline: float = _DEADLINE,
    clock: Callable[[], datetime] = utc_now,
) -> str:
    """The screen in `size` (columns, rows) once every target has been read, as SVG.

    `settle` is how many seconds of history to gather first, for sparklines and trends; `keys` are pressed
    then. Raises ConsoleError when the targets were not all read within `deadline` seconds.
    """
    parts = ClusterParts(source, cluster, environment, thresholds or Thresholds(), runs, acts)
    app = ConsoleApp(parts, theme=theme, clock=clock)
    return (await _shot(app, size, lambda: complete(app.newest), keys, settle, deadline)).svg


async def of_cluster(
    name: str,
    settings: ClusterSettings,
    size: tuple[int, int],
    look: Appearance,
    keys: tuple[str, ...],
    *,
    refresh: float = 1.0,
    settle: float = 0.0,
) -> Shot:
    """A live cluster, watched only. A target that does not answer is shown as what it is, after a while.

    Raises ConsoleError for an unknown theme or key.
    """
    from bdr_console.monitor import Monitor

    parts = ClusterParts(
        MonitorSource(lambda: Monitor(name, settings, refresh)),
        name,
        settings.environment,
        settings.thresholds.thresholds(),
        runs=JournalRuns(name),
    )
    app = ConsoleApp(parts, refresh=refresh, **look)
    return await _shot(app, size, lambda: _told(app.newest), keys, settle, _DEADLINE)


async def of_recording(
    recording: Recording, at: str | None, size: tuple[int, int], look: Appearance, keys: tuple[str, ...]
) -> Shot:
    """A recording at a moment of it (its end without one). Raises ConsoleError."""
    app = ReplayApp(recording, **look)
    to = target(at or "end", recording.began, recording.began, recording.ended, recording.events)
    app.player.paused = True
    app.player.jump(to)

    def ready() -> bool:
        return app.newest is not None and app.runs.has_looked

    return await _shot(
        app,
        size,
        ready,
        keys,
        0.0,
        _DEADLINE,
        f"{recording.path} shows nothing there: " + ("; ".join(recording.notes[:3]) or "no snapshot"),
        "Name another moment with --at.",
    )


async def _shot(
    app: ConsoleApp,
    size: tuple[int, int],
    ready: Callable[[], bool],
    keys: tuple[str, ...],
    settle: float,
    deadline: float,
    problem: str = "",
    remedy: str = "Open the console to see which one is silent.",
) -> Shot:
    """Raises ConsoleError with that problem and remedy when the screen is not ready in time."""
    async with app.run_test(size=size, notifications=True) as pilot:
        end = time.monotonic() + deadline
        while not ready():
            if time.monotonic() > end:
                silent = f"not every target of '{app.current.name}' answered within {deadline:g} s"
                raise ConsoleError(problem or silent, remedy)
            await asyncio.sleep(0.05)
        await asyncio.sleep(settle)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.5)
        app.paint()
        await pilot.pause()
        picture = preserved(app.export_screenshot(title=f"bdr-console: {app.current.name}", simplify=True))
        return Shot(picture, shown(app))


def shown(app: ConsoleApp) -> str:
    """The lines of the screen in front, as a reader sees them."""
    strips = app.screen._compositor.render_strips()  # private to Textual; it is pinned
    return "\n".join(strip.text.rstrip() for strip in strips).rstrip("\n")


def complete(shown: Snapshot | None) -> bool:
    """Whether every target was read at least once."""
    return (
        shown is not None
        and all(target.facts is not None for target in shown.nodes)
        and all(target.facts is not None for target in shown.proxies)
        and all(target.facts is not None for target in shown.poolers)
    )


def _told(shown: Snapshot | None) -> bool:
    """Whether every target was read, or has failed to answer."""
    if shown is None:
        return False
    targets: tuple[Observed[Any], ...] = (*shown.nodes, *shown.proxies, *shown.poolers)
    return all(target.facts is not None or target.error is not None for target in targets)


def preserved(picture: str) -> str:
    """The same picture with its blanks kept: some viewers drop those that begin a text."""
    return picture.replace("<svg ", '<svg xml:space="preserve" ', 1)
