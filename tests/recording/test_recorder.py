"""The recorder: bounded, private, never in anybody's way, and no loss when it is killed."""

import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bdr_console.cluster.verdict.changes import Event
from bdr_console.cluster.verdict.findings import Level
from bdr_console.errors import ConsoleError
from bdr_console.recording import recorder as recorder_of
from bdr_console.recording.encoder import Frame
from bdr_console.recording.file import RecordingFile, older_part
from bdr_console.recording.reader import Recording
from bdr_console.recording.recorder import Recorder
from bdr_console.recording.ring import Ring
from tests.recording.made import HEADER, endless, frames, lagging, moments, recording
from tests.ui.scenes import NOW
from tests.waiting import wait_until


def test_what_was_recorded_is_there_after_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.bdrrec"
    made = Recorder(HEADER, file=RecordingFile(path, 2**20, HEADER))
    shown = moments(20)
    for one in shown:
        made.snapshot(one)
    made.event(Event(NOW, Level.WARN, "node1", "something"))
    made.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with Recording(path) as read:
        assert list(read.snapshots(NOW)) == shown
        assert [event.text for event in read.events] == ["something"]
        assert read.header.thresholds == HEADER.thresholds


_WRITER = """
import sys, time
from pathlib import Path
from bdr_console.recording import recorder
from bdr_console.recording.file import RecordingFile
from tests.recording.made import HEADER, endless
recorder._FLUSH_EVERY = 0.02
made = recorder.Recorder(HEADER, file=RecordingFile(Path(sys.argv[1]), 2**26, HEADER))
for shown in endless(0.25):
    made.snapshot(shown)
    time.sleep(0.0005)
"""


def test_a_recorder_that_is_killed_in_the_middle_leaves_what_it_had_written(tmp_path: Path) -> None:
    path = tmp_path / "killed.bdrrec"
    with subprocess.Popen([sys.executable, "-c", _WRITER, str(path)]) as writer:
        try:
            wait_until(lambda: path.exists() and path.stat().st_size > 20_000, "something is written")
        finally:
            writer.send_signal(signal.SIGKILL)
    with Recording(path) as read:
        shown = list(read.snapshots(NOW))
        assert len(shown) > 20
        assert shown == moments(len(shown), 0.25)
    RecordingFile(path, 2**26, HEADER).close()  # a torn end is cut off by whoever goes on with it
    with Recording(path) as read:
        assert list(read.snapshots(NOW)) == shown
        assert not read.notes


def test_a_recording_never_grows_beyond_its_limit_and_keeps_the_newest(tmp_path: Path) -> None:
    path, limit = tmp_path / "bounded", 2**20
    file = RecordingFile(path, limit, HEADER)
    shown = moments(1)[0]
    noise = iter(os.urandom(30_000).hex() for _ in iter(int, 1))
    largest, count = 0, 0
    while count < 300:
        at = NOW + timedelta(seconds=20 * count)
        node = replace(shown.nodes[0], error=next(noise)[:4000], seen_at=at)
        extra = tuple(replace(node, name=f"n{i}", error=next(noise)[:4000]) for i in range(9))
        for frame in frames([replace(shown, taken_at=at, nodes=(node, *extra))]):
            file.write(frame)
        parts = [p for p in (path, older_part(path)) if p.exists()]
        largest = max(largest, sum(p.stat().st_size for p in parts))
        count += 1
    file.close()
    assert older_part(path).exists()
    assert largest <= limit
    with Recording(path) as read:
        taken = [one.taken_at for one in read.snapshots(read.began)]
        assert taken[-1] == NOW + timedelta(seconds=20 * 299)
        assert len(taken) > 20
        assert taken == sorted(taken)


def test_a_recording_of_another_cluster_or_another_file_is_not_overwritten(tmp_path: Path) -> None:
    other = recording(tmp_path / "other", moments(2), header=replace(HEADER, cluster="shop"))
    with pytest.raises(ConsoleError, match="is a recording of cluster 'shop', not of 'lab'"):
        RecordingFile(other, 2**20, HEADER)
    notes = tmp_path / "notes.txt"
    notes.write_text("do not lose me")
    with pytest.raises(ConsoleError, match="is no recording"):
        RecordingFile(notes, 2**20, HEADER)
    assert notes.read_text() == "do not lose me"
    link = tmp_path / "link"
    link.symlink_to(notes)
    with pytest.raises(ConsoleError, match="is a symbolic link"):
        RecordingFile(link, 2**20, HEADER)
    with pytest.raises(ConsoleError, match="is no file"):
        RecordingFile(Path("/dev/null"), 2**20, HEADER)


def test_two_consoles_do_not_write_into_one_recording(tmp_path: Path) -> None:
    first = RecordingFile(tmp_path / "one", 2**20, HEADER)
    with pytest.raises(ConsoleError, match="another console is recording to"):
        RecordingFile(tmp_path / "one", 2**20, HEADER)
    first.close()


def test_a_recording_is_gone_on_with(tmp_path: Path) -> None:
    path = recording(tmp_path / "one", moments(4))
    file = RecordingFile(path, 2**20, HEADER)
    later = [replace(one, taken_at=one.taken_at + timedelta(seconds=10)) for one in moments(4)]
    for frame in frames(later):
        file.write(frame)
    file.close()
    with Recording(path) as read:
        assert len(list(read.snapshots(NOW))) == 8


class FullDisk:
    """Stands for a recording's file on a disk without room; it gets room when the test says so."""

    path = Path("/full/recording")
    wants_whole = False

    def __init__(self) -> None:
        self.full = True
        self.written: list[Frame] = []

    def write(self, frame: Frame) -> None:
        """Refuse, or keep."""
        if self.full:
            raise OSError(28, "No space left on device")
        self.written.append(frame)

    def close(self) -> None:
        """Nothing is open."""


class HungDisk(FullDisk):
    """Stands for a recording's file on a disk that never answers."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()
        self.over = threading.Event()

    def write(self, frame: Frame) -> None:
        """Wait until the test is over."""
        self.asked.set()
        self.over.wait(30)


def test_a_full_disk_is_said_once_and_recording_goes_on_when_there_is_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recorder_of, "_FLUSH_EVERY", 0.02)
    monkeypatch.setattr(recorder_of, "_RETRY", 0.05)
    said: list[str] = []
    disk = FullDisk()
    made = Recorder(HEADER, file=disk)  # type: ignore[arg-type]
    made.tell = said.append
    shown = endless()

    def going_on(holds: Callable[[], object]) -> bool:
        made.snapshot(next(shown))
        made.tell_troubles()
        return bool(holds())

    wait_until(lambda: going_on(lambda: said), "the trouble is told")
    assert said == ["cannot record to /full/recording: No space left on device; trying again"]
    disk.full = False
    wait_until(lambda: going_on(lambda: len(said) > 1), "the end of the trouble is told")
    made.close()
    assert said[1:] == ["recording to /full/recording again"]
    assert disk.written[0].marks & 1, "what is written then can be read without what was lost"


def test_a_disk_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_of, "_FLUSH_EVERY", 0.02)
    monkeypatch.setattr(recorder_of, "_CLOSED_WITHIN", 0.1)
    said: list[str] = []
    disk = HungDisk()
    made = Recorder(HEADER, file=disk)  # type: ignore[arg-type]
    made.tell = said.append
    first, *more = moments(1000)
    made.snapshot(first)
    assert disk.asked.wait(20)
    for one in more:
        made.snapshot(one)
    made.tell_troubles()
    made.close()
    disk.over.set()
    assert any("its disk hangs" in text for text in said)


def test_the_ring_keeps_the_last_minutes_and_no_more() -> None:
    ring = Ring(5, 2**24)
    for frame in frames(moments(1200)):
        ring.add(frame)
    held = ring.frames()
    kept = (held[-1].last - held[0].first).total_seconds()
    assert 300 <= kept <= 365
    small = Ring(1440, 40_000)
    for frame in frames([lagging(one, i * 7919) for i, one in enumerate(moments(2400))]):
        small.add(frame)
        assert small.size <= 40_000 + 20_000
    assert small.frames()[0].marks & 1


def test_the_last_minutes_are_saved_after_something_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / "state"))
    made = Recorder(HEADER, ring=Ring(30, 2**24))
    with pytest.raises(ConsoleError, match="nothing was read yet"):
        made.save()
    shown = moments(30, lost=range(10, 20))
    for one in shown:
        made.snapshot(one)
    path = made.save()
    made.close()
    assert path.parent == tmp_path / "state" / "recordings"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with Recording(path) as read:
        assert list(read.snapshots(NOW)) == shown
