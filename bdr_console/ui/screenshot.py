"""A picture of the screen as SVG, made by the application itself without a terminal."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict import Thresholds
from bdr_console.errors import ConsoleError
from bdr_console.ui.app import ConsoleApp, utc_now
from bdr_console.ui.desk import ActDesk, RunDesk
from bdr_console.ui.source import SnapshotSource
from bdr_console.ui.watched import ClusterParts


async def svg(
    source: SnapshotSource,
    size: tuple[int, int] = (140, 40),
    *,
    cluster: str,
    environment: str = "",
    theme: str = "dark",
    thresholds: Thresholds | None = None,
    runs: RunDesk | None = None,
    acts: ActDesk | None = None,
    keys: tuple[str, ...] = (),
    settle: float = 0.0,
    deadline: float = 15.0,
    clock: Callable[[], datetime] = utc_now,
) -> str:
    """The screen in `size` (columns, rows) once every target has been read, as SVG.

    `settle` is how many seconds of history to gather first, for sparklines and trends; `keys` are pressed
    then. Raises ConsoleError when the targets were not all read within `deadline` seconds.
    """
    parts = ClusterParts(source, cluster, environment, thresholds or Thresholds(), runs, acts)
    app = ConsoleApp(parts, theme=theme, clock=clock)
    async with app.run_test(size=size, notifications=True) as pilot:
        end = time.monotonic() + deadline
        while not complete(app.newest):
            if time.monotonic() > end:
                raise ConsoleError(
                    f"not every target of '{cluster}' answered within {deadline:g} s",
                    "Open the console to see which one is silent.",
                )
            await asyncio.sleep(0.05)
        await asyncio.sleep(settle)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.5)
        app.paint()
        await pilot.pause()
        return preserved(app.export_screenshot(title=f"bdr-console: {cluster}", simplify=True))


def complete(shown: Snapshot | None) -> bool:
    """Whether every target was read at least once."""
    return (
        shown is not None
        and all(target.facts is not None for target in shown.nodes)
        and all(target.facts is not None for target in shown.proxies)
        and all(target.facts is not None for target in shown.poolers)
    )


def preserved(picture: str) -> str:
    """The same picture with its blanks kept: some viewers drop those that begin a text."""
    return picture.replace("<svg ", '<svg xml:space="preserve" ', 1)
