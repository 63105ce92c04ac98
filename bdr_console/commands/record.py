"""`bdr-console record`: watch a cluster without a screen and keep what it showed."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from bdr_console import __version__
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import clean, format_bytes, format_seconds, parse_duration
from bdr_console.cluster.verdict.changes import Event, changes
from bdr_console.commands.options import FILE, byte_count
from bdr_console.commands.ssh_keys import keys_unlocked
from bdr_console.config import find, opened
from bdr_console.config.options import Options
from bdr_console.errors import UNWRITTEN, ConsoleError
from bdr_console.monitor import Monitor
from bdr_console.recording.file import RecordingFile, older_part
from bdr_console.recording.recorder import Recorder
from bdr_console.recording.records import Header, RunLine
from bdr_console.runbooks.journal.events import event_of
from bdr_console.runbooks.journal.run_event_stream import RunEventStream
from bdr_console.runbooks.journal.run_from_journal import advance
from bdr_console.runbooks.journal.run_text import run_event
from bdr_console.runbooks.model.run import RunView


class _TellingTap(RunEventStream):
    """Says also what of the journals is worth a line of the event log: no screen does it here."""

    def __init__(self, cluster: str) -> None:
        super().__init__(cluster)
        self.tell: Callable[[Event], None] = lambda _: None
        self._views: dict[str, RunView | None] = {}
        self._told: dict[str, RunView] = {}
        """Each run as it stood when something was said of it."""

    def added(self) -> tuple[RunLine, ...]:
        """What was added since the last call."""
        lines = super().added()
        for line in lines:
            event = event_of(json.dumps(line.line).encode())
            if event is not None:
                view = self._views[line.run] = advance(self._views.get(line.run), event)
                self._say(view, line.at)
        return lines

    def _say(self, view: RunView | None, at: datetime) -> None:
        if view is None or (view.current is None and not view.status.over and view.run_id in self._told):
            return  # between two steps
        if (news := run_event(self._told.get(view.run_id), view, at)) is not None:
            self.tell(news)
        self._told[view.run_id] = view


@click.command()
@click.argument("file", type=FILE)
@click.option("--for", "lasting", metavar="TIME", help="End by itself after that time: 10m, 2h.")
@click.option(
    "--limit",
    metavar="SIZE",
    callback=byte_count,
    help="The size of the recording, 100MiB; past it the oldest half goes.",
)
@click.pass_obj
def record(options: Options, file: Path, lasting: str | None, limit: int | None) -> None:
    """Record a cluster to FILE without a screen, read-only, until Ctrl-C or --for.

    FILE may be a recording of the same cluster: it is continued. `bdr-console replay FILE` shows it.
    """
    os.umask(0o077)
    seconds = parse_duration(lasting) if lasting else None
    settings = opened(find(options.config))
    name, chosen = settings.cluster(options.cluster)
    header = Header(name, chosen.environment, datetime.now(UTC), chosen.thresholds.thresholds(), __version__)
    with keys_unlocked(chosen):
        tap = _TellingTap(name)
        kept = RecordingFile(file, settings.record.limit if limit is None else limit, header)
        recorder = Recorder(header, file=kept, journals=tap)
        recorder.tell = lambda text: click.echo(clean(text), err=True)
        tap.tell = recorder.event
        ends = f"for {format_seconds(seconds)}" if seconds is not None else "until Ctrl-C"
        click.echo(f"recording cluster '{name}' to {clean(file)} {ends}", err=True)
        count = asyncio.run(_record(Monitor(name, chosen, settings.refresh), recorder, seconds))
    size = sum(path.stat().st_size for path in (file, older_part(file)) if path.exists())
    click.echo(f"{count} snapshots were taken; {clean(file)} holds {format_bytes(size)}", err=True)
    if recorder.unwritten:
        raise ConsoleError(
            f"the recording {clean(file)} is not complete: {recorder.unwritten}",
            "What it holds can be replayed. Make room, or record to another disk.",
            exit_code=UNWRITTEN,
        )
    if not count:
        raise ConsoleError(
            "nothing was recorded: no snapshot was taken in that time", "Record for longer: --for 1m.", 1
        )


async def _record(monitor: Monitor, recorder: Recorder, seconds: float | None) -> int:
    """Record until told to end; returns how many snapshots there were."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    for word in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(word, over.set)
    polling = asyncio.create_task(monitor.run())
    taking = asyncio.create_task(_take(monitor, recorder))
    ending = asyncio.create_task(over.wait())
    try:
        await asyncio.wait((polling, taking, ending), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if polling.done():
            polling.result()
        if taking.done():
            taking.result()
    finally:
        await monitor.close()
        for task in (polling, taking, ending):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(polling, taking, ending, return_exceptions=True)
        recorder.close()
        recorder.tell_troubles()
    return recorder.count


async def _take(monitor: Monitor, recorder: Recorder) -> None:
    before: Snapshot | None = None
    async for snapshot in monitor.updates():
        recorder.snapshot(snapshot)
        for event in changes(before, snapshot) if before is not None else ():
            recorder.event(event)
        recorder.tell_troubles()
        before = snapshot
