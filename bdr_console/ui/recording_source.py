"""What the console shows is also recorded: a source that hands on, the recorder that goes with it, saving."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bdr_console import __version__
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import clean
from bdr_console.cluster.verdict.findings import Level
from bdr_console.config.model import RecordSettings
from bdr_console.crash import as_console_error
from bdr_console.recording.file import RecordingFile
from bdr_console.recording.recorder import Recorder
from bdr_console.recording.records import Header, RunLine
from bdr_console.recording.ring import Ring
from bdr_console.ui.services import SnapshotSource
from bdr_console.ui.workers import in_background

if TYPE_CHECKING:
    from bdr_console.runbooks.journal.run_event_stream import RunEventStream
    from bdr_console.ui.cluster_view import ClusterParts, ClusterView


class RecordingSource:
    """Hands on what another source hands out, and has it recorded."""

    def __init__(self, source: SnapshotSource, recorder: Recorder) -> None:
        self._source = source
        self._recorder = recorder

    async def updates(self) -> AsyncIterator[Snapshot]:
        """The other's snapshots."""
        async for snapshot in self._source.updates():
            self._recorder.snapshot(snapshot)
            self._recorder.tell_troubles()
            yield snapshot

    def refresh_now(self) -> None:
        """Read every target now."""
        self._source.refresh_now()

    def set_refresh(self, seconds: float) -> None:
        """Read every target this often from now on."""
        self._source.set_refresh(seconds)

    async def close(self) -> None:
        """Stop reading, then write what is left."""
        await self._source.close()
        await in_background(self._recorder.close)


class _LateTap:
    """The journals of a cluster, with what reads them imported on the recorder's thread: the first paint
    does not wait for it."""

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster
        self._tap: RunEventStream | None = None

    def added(self) -> Sequence[RunLine]:
        """What was added since the last call."""
        return self._opened().added()

    def since(self, moment: datetime) -> Sequence[RunLine]:
        """Everything of the runs that went on after `moment`."""
        return self._opened().since(moment)

    def _opened(self) -> "RunEventStream":
        if self._tap is None:
            from bdr_console.runbooks.journal.run_event_stream import RunEventStream

            self._tap = RunEventStream(self._cluster)
        return self._tap


def recorded(
    parts: "ClusterParts", settings: RecordSettings, path: Path | None = None, limit: int | None = None
) -> "ClusterParts":
    """The same cluster, recorded: to `path`, and its last minutes in memory. Raises ConsoleError."""
    header = Header(parts.name, parts.environment, datetime.now(UTC), parts.thresholds, __version__)
    file = RecordingFile(path, settings.limit if limit is None else limit, header) if path else None
    ring = Ring(settings.ring_minutes, settings.ring_limit) if settings.ring_minutes > 0 else None
    if file is None and ring is None:
        return parts
    recorder = Recorder(header, file=file, ring=ring, journals=_LateTap(parts.name))
    return replace(parts, source=RecordingSource(parts.source, recorder), recorder=recorder)


async def save_ring(cluster: "ClusterView") -> None:
    """Save the last minutes of a cluster and say where; a refusal is said too."""
    recorder = cluster.recorder
    if recorder is None or not recorder.has_ring:
        cluster.tell_operator("the last minutes are not kept: record: ring_minutes is 0")
        return
    try:
        path = await in_background(recorder.save)
    except Exception as error:
        told = as_console_error(error, "saving the last minutes")
        cluster.tell_operator(f"{clean(told.problem)} {clean(told.remedy)}", "error")
        return
    cluster.note(Level.OK, "recording", f"the last minutes are in {path}")
    cluster.tell_operator(f"saved: {clean(path)}")
