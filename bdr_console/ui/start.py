"""Opening the console on the clusters of a configuration."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bdr_console.config import ClusterSettings, Settings
from bdr_console.config.options import Options
from bdr_console.event_store import EventStore
from bdr_console.event_store.positions import PositionFile
from bdr_console.runbooks.journal.run_text import run_place
from bdr_console.ui.app import ConsoleApp
from bdr_console.ui.cluster_view import ClusterParts
from bdr_console.ui.live_services import AdvisoryLock, JournalRuns, LiveRunbooks, MonitorSource
from bdr_console.ui.recording_source import recorded
from bdr_console.ui.terminal.bell import ringing_of
from bdr_console.ui.terminal.signals import refuse_unfit
from bdr_console.ui.theming.themes import appearance

if TYPE_CHECKING:
    from bdr_console.monitor import Monitor


def run_console(config: Path, settings: Settings, cluster: str, options: Options, *, read_only: bool) -> int:
    """Open the console, `cluster` first, and return the exit code; that one is recorded.

    Raises ConsoleError where it cannot run: no terminal, one that is too small, an unknown theme.
    """
    app = ConsoleApp(
        *(
            recorded(
                parts_of(config, name, chosen, settings.refresh, read_only=read_only),
                settings.record,
                options.record if name == cluster else None,
                options.record_limit,
            )
            for name, chosen in settings.clusters.items()
        ),
        first=cluster,
        refresh=settings.refresh,
        background_refresh=settings.background_refresh,
        collect_all=settings.collect == "all",
        **appearance(options, config, settings),
    )
    refuse_unfit()
    ended = app.run_to_end(mouse=options.mouse and settings.mouse)
    for watched in app.clusters:
        if (run := watched.runs.under_way) is not None:
            print(
                f"The {run.runbook} of {run.node} ({watched.name}) goes on ({run_place(run)}): "
                "open the console again to attach.",
                file=sys.stderr,
            )
    return ended


def parts_of(
    config: Path, name: str, settings: ClusterSettings, refresh: float, *, read_only: bool
) -> ClusterParts:
    """What the console needs of one cluster; nothing is connected yet."""
    source = MonitorSource(partial(_monitor, name, settings, refresh))
    return ClusterParts(
        source,
        name,
        settings.environment,
        settings.thresholds.thresholds(),
        runs=JournalRuns(name),
        acts=None if read_only else LiveRunbooks(config, name, settings),
        lock=AdvisoryLock(source),
        rules=settings.alarms.rules(),
        event_store=EventStore(name),
        positions=PositionFile(name),
        ringing=ringing_of(settings.alarms, read_only=read_only),
    )


def _monitor(name: str, settings: ClusterSettings, refresh: float) -> "Monitor":
    from bdr_console.monitor import Monitor

    return Monitor(name, settings, refresh)
