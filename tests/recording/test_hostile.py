"""A recording is a file that anybody may have written."""

import json
import struct
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bdr_console.cluster.snapshot import to_json
from bdr_console.errors import ConsoleError
from bdr_console.recording import frames as format_of
from bdr_console.recording.reader import Recording
from bdr_console.recording.start import header_frame
from tests.recording.made import HEADER, moments, raw, recording
from tests.ui.scenes import NOW, snapshot

WHOLE = json.loads(to_json(snapshot()))


def line(word: str = "snapshot", **fields: object) -> bytes:
    """A line with a snapshot in which some fields are different."""
    return json.dumps({word: {**WHOLE, **fields}}).encode()


def change(changed: object) -> bytes:
    """A line that changes that."""
    return json.dumps({"change": {"at": NOW.isoformat(), "refresh": 1, "changed": changed}}).encode()


@pytest.mark.parametrize("data", [b"", b"hello", b"\x1f\x8b", b"\x00" * 5000, b"PK\x03\x04" * 100], ids=repr)
def test_what_is_no_recording_is_called_so(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "given"
    path.write_bytes(data)
    with pytest.raises(ConsoleError, match=f"{path} is no recording"):
        Recording(path)


def test_a_file_that_is_not_there_or_a_directory_is_called_so(tmp_path: Path) -> None:
    with pytest.raises(ConsoleError, match="No such file"):
        Recording(tmp_path / "missing")
    with pytest.raises(ConsoleError, match="Is a directory"):
        Recording(tmp_path)


def test_a_recording_of_a_newer_version_names_that_version(tmp_path: Path) -> None:
    path = recording(tmp_path / "newer", moments(2), header=replace(HEADER, version=7, program="9.1"))
    with pytest.raises(
        ConsoleError, match=r"written by a newer bdr-console \(9\.1, format 7; this one reads"
    ):
        Recording(path)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (b'{"snapshot":{', "Expecting property name"),
        (b'{"snapshot":' + b"[" * 100_000, "too deep"),
        (b'{"snapshot":{"cluster":' + b"9" * 5000 + b"}}", "a number of 5000 digits"),
        (line(refresh=1e999).replace(b"Infinity", b"1e999"), "beyond all measure"),
        (line(refresh=float("nan")), "NaN is no number"),
        (line(refresh=-5), "validation error"),
        (line(taken_at="9999-12-31T23:59:59+00:00"), "validation error"),
        (line(taken_at="2026-01-01T00:00:00"), "validation error"),
        (line(nodes={}), "validation error"),
        (line(nodes=[{"name": 1}]), "validation error"),
        (line(nodes=[{**WHOLE["nodes"][0], "seen_at": "0001-01-01T00:00:00"}]), "out of all time"),
        (line(more=1), "validation error"),
        (change({"nodes": {"99": 1}}), "not there"),
        (change({"nodes": {"0": {"zz": 1}}}), "not there"),
    ],
    ids=range(14),
)
def test_a_line_that_does_not_fit_is_said_with_its_place_and_the_next_is_read(
    bad: bytes, says: str, tmp_path: Path
) -> None:
    path = raw(tmp_path / "given", line(), bad, line(taken_at="2026-03-04T10:00:05+00:00"))
    with Recording(path) as made:
        assert [one.taken_at.second for one in made.snapshots(NOW)] == [0, 5]
        (note,) = made.notes
        assert note.startswith(f"{path}: line ")
        assert "of the frame at byte" in note
        assert says in note
        assert len(note) < 2000


def test_what_would_change_the_terminal_is_made_visible(tmp_path: Path) -> None:
    node = {**WHOLE["nodes"][0], "error": "\x1b]0;owned\x07", "name": "a\u202eb"}
    event = {"at": NOW.isoformat(), "level": 2, "subject": "\x1b[2J", "text": "x" * 9000}
    path = raw(tmp_path / "given", line(nodes=[node]), json.dumps({"event": event}).encode())
    with Recording(path) as made:
        (shown,) = made.snapshots(NOW)
        assert shown.nodes[0].error == "\\x1b]0;owned\\x07"
        assert shown.nodes[0].name == "a\\u202eb"
        assert made.events[0].subject == "\\x1b[2J"
        assert len(made.events[0].text) < 5000


def bomb(path: Path, claims: int) -> Path:
    """A frame that unpacks to 512 MiB and says it were `claims` bytes."""
    squeezer = zlib.compressobj(1, zlib.DEFLATED, -15)
    body = b"".join(squeezer.compress(b" " * 2**20) for _ in range(512)) + squeezer.flush()
    made = format_of.packed(b"", NOW, NOW, format_of.Mark.KEY | format_of.Mark.EVENTS)
    size = len(made) - 2 + len(body)
    head = bytearray(made[: len(made) - 10])
    struct.pack_into("<II", head, 16, size, claims)
    path.write_bytes(header_frame(HEADER).data + bytes(head) + body + struct.pack("<II", 0, claims))
    return path


_LIMITED = """
import resource, sys
from pathlib import Path
from typing import Any
from bdr_console.errors import ConsoleError
from bdr_console.recording.reader import Recording
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    with Recording(Path(sys.argv[1])) as made:
        print(sum(1 for _ in made.snapshots(made.began)), *made.notes, sep="|")
except ConsoleError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def read_in_another_process(path: Path) -> tuple[str, int]:
    """What reading it says, and how many MiB it took."""
    command = [sys.executable, "-c", _LIMITED, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=True)
    *said, grown = done.stdout.splitlines()
    return "\n".join(said), int(grown)


@pytest.mark.parametrize("claims", [100, format_of.TEXT_LIMIT])
def test_a_decompression_bomb_takes_no_memory(claims: int, tmp_path: Path) -> None:
    said, grown = read_in_another_process(bomb(tmp_path / "bomb", claims))
    assert "its bytes are not what was written" in said
    assert grown < 100


def test_half_a_million_lines_take_little_memory(tmp_path: Path) -> None:
    event = json.dumps({"event": {"at": NOW.isoformat(), "level": 0, "subject": "s", "text": "t"}}).encode()
    path = raw(tmp_path / "many", line(), *[event] * 150_000)
    data = path.read_bytes()
    head = header_frame(HEADER).data
    path.write_bytes(head + data[len(head) :] * 3)
    said, grown = read_in_another_process(path)
    assert said.startswith("1")
    assert grown < 250


def test_a_line_beyond_all_measure_is_passed_over(tmp_path: Path) -> None:
    huge = b'{"snapshot":"' + b"x" * (9 * 2**20) + b'"}'
    said, grown = read_in_another_process(raw(tmp_path / "huge", huge, line()))
    assert said.startswith("1")
    assert grown < 150


def framed(*texts: bytes, repeat: int = 1) -> bytes:
    """Frames with these texts, all of the same moment, that many times."""
    marks = format_of.Mark.KEY | format_of.Mark.EVENTS | format_of.Mark.RUNS
    return b"".join(format_of.packed(text + b"\n", NOW, NOW, marks) for text in texts) * repeat


@pytest.mark.parametrize("word", [b'{"event":', b'{"snapshot":', b'{"run":{"line":'])
def test_a_small_file_that_unfolds_to_much_takes_little_memory(word: bytes, tmp_path: Path) -> None:
    dense = word + b"[" + b"[]," * 2_700_000 + b"1]}"
    path = tmp_path / "dense"
    path.write_bytes(header_frame(HEADER).data + framed(line()) + framed(dense) * 10)
    said, grown = read_in_another_process(path)
    assert "longer than" in said or "more than 400,000 values in one line" in said or "values of runs" in said
    assert grown < 120


@pytest.mark.parametrize("number", ["NaN", "Infinity", '"nan"', '"inf"', "9" * 400])
def test_a_recording_of_no_numbers_is_refused_by_file_and_line(number: str, tmp_path: Path) -> None:
    node = {**WHOLE["nodes"][0], "took_ms": "HERE"}
    path = raw(tmp_path / "given", line(nodes=[node]).replace(b'"HERE"', number.encode()))
    with pytest.raises(ConsoleError, match=r"none of its first 1 whole snapshots can be read") as caught:
        Recording(path)
    assert f"{path}: line 1 of the frame at byte" in caught.value.problem
    assert "no number" in caught.value.problem or "beyond all measure" in caught.value.problem


def test_a_number_deep_in_a_node_that_is_none_is_refused_too(tmp_path: Path) -> None:
    path = ("0", "facts", "slots", "0", "lag_seconds")
    patch: Any = "nan"
    for part in reversed(path):
        patch = {part: patch}
    with Recording(raw(tmp_path / "given", line(), change({"nodes": patch}))) as made:
        assert sum(1 for _ in made.snapshots(NOW)) == 1
        assert any("nan is no number" in note for note in made.notes)


def test_changes_without_end_between_two_whole_snapshots_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bdr_console.recording.decoder._MOST_WORK", 2**20)
    again = [change({"nodes": {"0": {"took_ms": number}}}) for number in range(1, 2000)]
    with Recording(raw(tmp_path / "given", line(), *again)) as made:
        assert 1 <= sum(1 for _ in made.snapshots(NOW)) < 2000
        assert any("targets of more than 1 MiB change between two whole snapshots" in n for n in made.notes)


def test_events_beyond_what_is_gone_through_are_left_out_the_oldest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bdr_console.recording.reader._MOST_UNPACKED", 3 * 4096)
    events = [
        json.dumps({"event": {"at": NOW.isoformat(), "level": 0, "subject": "s", "text": f"event {i}"}})
        for i in range(10)
    ]
    path = tmp_path / "given"
    path.write_bytes(header_frame(HEADER).data + framed(line(), *(event.encode() for event in events)))
    with Recording(path) as made:
        assert [event.text for event in made.events] == ["event 7", "event 8", "event 9"]
        assert any("are left out" in note for note in made.notes)
