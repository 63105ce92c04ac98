"""What was recorded is read back as it was, however the file ends."""

import gzip
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bdr_console.cluster.verdict.changes import Event
from bdr_console.cluster.verdict.findings import Level
from bdr_console.errors import ConsoleError
from bdr_console.recording.patches import difference, patched
from bdr_console.recording.reader import Recording
from tests.recording.made import HEADER, frames, lagging, moments, recording, switchover
from tests.ui.scenes import NOW, never_read

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("=ab", max_size=2),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text("=ab01", max_size=2), part, max_size=3),
    max_leaves=12,
)


@given(JSON, JSON)
def test_any_value_comes_out_of_any_other_by_the_patch_between_them(before: Any, after: Any) -> None:
    if before != after or type(before) is not type(after):
        assert patched(before, difference(before, after)) == after


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**12), st.booleans()), min_size=1, max_size=12))
def test_every_snapshot_is_read_back_as_it_was(figures: list[tuple[int, bool]]) -> None:
    shown = [
        never_read(moment) if unread else lagging(moment, lag)
        for moment, (lag, unread) in zip(moments(len(figures), 7.0), figures, strict=True)
    ]
    path = Path("/dev/shm") / f"round-trip-{id(figures)}"
    try:
        with Recording(recording(path, shown)) as made:
            assert list(made.snapshots(NOW)) == shown
            assert not made.notes
    finally:
        path.unlink(missing_ok=True)


def test_between_two_whole_snapshots_only_what_changed_is_written() -> None:
    shown = moments(60)
    size = sum(len(frame.data) for frame in frames(shown))
    whole = sum(len(frame.data) for one in shown for frame in frames([one]))
    assert size < whole / 4


def test_wherever_the_file_ends_everything_before_is_read(tmp_path: Path) -> None:
    shown = moments(8)
    path = recording(tmp_path / "whole", shown)
    data = path.read_bytes()
    ends = [0]
    for frame in frames(shown):
        ends.append(ends[-1] + len(frame.data))
    head = len(data) - ends[-1]
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        whole = max(i for i, end in enumerate(ends) if head + end <= cut) if cut >= head else 0
        if whole == 0:
            with pytest.raises(ConsoleError, match=r"is no recording|holds no snapshot yet"):
                Recording(path)
            continue
        with Recording(path) as made:
            assert list(made.snapshots(NOW)) == shown[: 2 * whole]
            torn = cut != head + ends[whole]
            assert len(made.notes) == torn, (cut, made.notes)
            assert all("the writer was stopped there" in note for note in made.notes)


def test_it_is_gzip_that_any_tool_opens(tmp_path: Path) -> None:
    path = recording(tmp_path / "whole", moments(5))
    lines = gzip.decompress(path.read_bytes()).splitlines()
    assert lines[0].startswith(b'{"header":{"cluster":"lab"')
    assert sum(line.startswith(b'{"snapshot":') for line in lines) == 1
    assert sum(line.startswith(b'{"change":') for line in lines) == 4


def test_a_spoilt_frame_is_said_and_what_is_whole_after_it_is_read(tmp_path: Path) -> None:
    shown = moments(150)
    path = recording(tmp_path / "whole", shown)
    data = bytearray(path.read_bytes())
    place = data.find(b"\x1f\x8b\x08\x04", 3000)
    data[place + 60 : place + 64] = b"\xff\xff\xff\xff"
    path.write_bytes(bytes(data))
    with Recording(path) as made:
        read = list(made.snapshots(NOW))
        assert read
        assert all(one in shown for one in read)
        assert read[-1] == shown[-1]
        assert len(read) < len(shown)
        assert any(f"byte {place} cannot be read" in note for note in made.notes)


def test_a_hole_in_the_middle_is_hopped_over(tmp_path: Path) -> None:
    shown = moments(150)
    path = recording(tmp_path / "whole", shown)
    data = path.read_bytes()
    place = data.find(b"\x1f\x8b\x08\x04", 3000)
    path.write_bytes(data[:place] + b"\x00" * 777 + data[place + 20 :])
    with Recording(path) as made:
        assert list(made.snapshots(NOW))[-1] == shown[-1]
        assert any("passed over" in note for note in made.notes)


def test_a_moment_is_found_without_reading_what_lies_before(tmp_path: Path) -> None:
    shown = moments(600)
    with Recording(recording(tmp_path / "whole", shown)) as made:
        first = next(made.snapshots(NOW + timedelta(seconds=400)))
        assert first.taken_at > NOW + timedelta(seconds=330)
        assert made.before(shown[1].taken_at) == shown[0]
        assert made.before(shown[300].taken_at) == shown[299]
        assert made.before(shown[0].taken_at) is None


def test_a_file_that_only_looks_like_the_older_part_is_left_out(tmp_path: Path) -> None:
    shown = moments(4)
    path = recording(tmp_path / "whole", shown)
    (tmp_path / "whole.1").write_text("something else")
    with Recording(path) as made:
        assert list(made.snapshots(NOW)) == shown
        assert made.notes == (f"the older part is left out: {path}.1 is no recording",)
    recording(tmp_path / "whole.1", moments(9), header=replace(HEADER, cluster="shop"))
    with Recording(path) as made:
        assert list(made.snapshots(NOW)) == shown
        assert not made.notes


def test_events_and_runs_come_back_in_their_order(tmp_path: Path) -> None:
    late = Event(NOW + timedelta(seconds=9), Level.WARN, "node1", "second")
    early = Event(NOW + timedelta(seconds=1), Level.OK, "node1", "caf\u00e9", "node.unreachable")
    run = switchover(NOW)
    with Recording(recording(tmp_path / "whole", moments(3), [late, early], [*run, *run])) as made:
        assert made.events == (early, late)
        assert made.runs == tuple(run)


def test_a_stretch_that_was_not_recorded_is_an_event(tmp_path: Path) -> None:
    shown = [*moments(4), *(replace(one, taken_at=one.taken_at + timedelta(hours=1)) for one in moments(4))]
    with Recording(recording(tmp_path / "whole", shown)) as made:
        told = [event for event in made.events if event.subject == "recording"]
        assert ["nothing was recorded until" in event.text for event in told] == [True]
