"""Recordings of hand-made moments."""

import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.changes import Event, changes
from bdr_console.cluster.verdict.findings import Thresholds
from bdr_console.recording.encoder import Encoder, Frame
from bdr_console.recording.frames import Mark, packed
from bdr_console.recording.records import Header, RunLine
from bdr_console.recording.start import header_frame
from tests.runbooks.test_run_from_journal import beginning
from tests.runbooks.test_run_from_journal import event as journal_event
from tests.ui.scenes import NOW, silent, snapshot

HEADER = Header("lab", "prod", NOW, Thresholds(), "0.1.0")


def endless(every: float = 1.0, *, lost: range = range(0)) -> Iterator[Snapshot]:
    """Snapshots of the healthy cluster; node2 does not answer in those of `lost`."""
    for i in itertools.count():
        shown = snapshot(NOW + timedelta(seconds=i * every), environment="prod")
        if i in lost:
            shown = silent(shown, "node2", age=(i - lost.start + 1) * every + 3)
        yield shown


def moments(count: int, every: float = 1.0, *, lost: range = range(0)) -> list[Snapshot]:
    """So many of them."""
    return list(itertools.islice(endless(every, lost=lost), count))


def lagging(shown: Snapshot, lag: int) -> Snapshot:
    """The same with node1's slots that far behind."""
    facts = shown.nodes[0].facts
    assert facts is not None
    slots = tuple(replace(slot, lag_bytes=lag) for slot in facts.slots)
    return replace(
        shown, nodes=(replace(shown.nodes[0], facts=replace(facts, slots=slots)), *shown.nodes[1:])
    )


def frames(
    shown: Iterable[Snapshot],
    events: Iterable[Event] = (),
    runs: Iterable[RunLine] = (),
    *,
    a_frame: int = 2,
) -> list[Frame]:
    """Frames of them, `a_frame` snapshots in each, with the events that a console would note."""
    encoder, before = Encoder(), None
    for run in runs:
        encoder.run(run)
    for event in events:
        encoder.event(event)
    for i, one in enumerate(shown):
        encoder.snapshot(one)
        for event in changes(before, one) if before is not None else ():
            encoder.event(event)
        before = one
        if i % a_frame == a_frame - 1:
            encoder.cut()
    encoder.cut()
    return encoder.frames()


def recording(
    path: Path,
    shown: Iterable[Snapshot],
    events: Iterable[Event] = (),
    runs: Iterable[RunLine] = (),
    header: Header = HEADER,
) -> Path:
    """A whole recording of them at `path`."""
    made = (header_frame(header), *frames(shown, events, runs))
    path.write_bytes(b"".join(frame.data for frame in made))
    return path


def raw(path: Path, *lines: bytes, marks: Mark = Mark.KEY | Mark.EVENTS | Mark.RUNS) -> Path:
    """A recording whose second frame holds exactly these lines."""
    text = b"".join(line + b"\n" for line in lines)
    path.write_bytes(header_frame(HEADER).data + packed(text, NOW, NOW + timedelta(seconds=9), marks))
    return path


def switchover(began: datetime, steps: Iterable[tuple[float, dict[str, Any]]] = ()) -> list[RunLine]:
    """A run that begins then, with further events so many seconds later."""
    first = {**beginning(), "t": began.isoformat()}
    told = [first]
    for seconds, fields in steps:
        made = journal_event(0, **fields)
        told.append({**made, "t": (began + timedelta(seconds=seconds)).isoformat()})
    return [
        RunLine(first["run"], i, datetime.fromisoformat(item["t"]), json.loads(json.dumps(item)))
        for i, item in enumerate(told, start=1)
    ]
