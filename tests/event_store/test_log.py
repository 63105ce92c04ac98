"""The event log survives full disks, crowds and strangers, and stays small."""

import json
import resource
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bdr_console.cluster.verdict.changes import Event
from bdr_console.cluster.verdict.findings import Level
from bdr_console.errors import ConsoleError
from bdr_console.event_store import EventLog, Record
from bdr_console.event_store.record import line_of, record_of

NOW = datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of cluster shop."""
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path))
    return tmp_path / "clusters/shop"


def record(
    number: int, text: str = "", *, by: str = "ana@bastion:1", level: Level = Level.WARN, code: str = ""
) -> Record:
    event = Event(NOW + timedelta(seconds=number), level, "node1", text or f"event {number}", code)
    return Record(event, by)


def texts(log: EventLog) -> list[str]:
    return [found.event.text for found in log.read()]


def test_what_was_written_is_read_again_and_nobody_else_may_read_it(home: Path) -> None:
    log = EventLog("shop")
    log.append([record(1), record(2, level=Level.CRIT, code="node.unreachable")])
    log.append([record(3)])
    assert EventLog("shop").read() == [
        record(1),
        record(2, level=Level.CRIT, code="node.unreachable"),
        record(3),
    ]
    assert (home / "events.jsonl").stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700
    assert EventLog("other").read() == []


def test_only_the_last_minutes_are_read_when_asked() -> None:
    log = EventLog("shop")
    log.append([record(1), record(100)])
    assert [found.event.text for found in log.read(NOW + timedelta(seconds=50))] == ["event 100"]


def test_the_log_stays_within_its_files_and_loses_the_oldest_first(home: Path) -> None:
    log = EventLog("shop", size=2000, files=3)
    for number in range(200):
        log.append([record(number)])
    files = sorted(path.name for path in home.glob("events*.jsonl"))
    assert files == ["events.1.jsonl", "events.2.jsonl", "events.jsonl"]
    assert sum(path.stat().st_size for path in home.glob("events*.jsonl")) <= 3 * 2000
    kept = texts(log)
    assert kept[-1] == "event 199"
    assert kept == [f"event {number}" for number in range(200 - len(kept), 200)]


def test_two_consoles_that_see_the_same_are_one_line() -> None:
    log = EventLog("shop")
    log.append([record(1, "lags 10.1 MiB", code="link.lag"), record(3, "x")])
    log.append([record(2, "lags 10.3 MiB", code="link.lag", by="bo@bastion:2"), record(30, "x", by="bo:2")])
    assert texts(log) == ["lags 10.1 MiB", "x", "x"]


def test_consoles_that_write_at_once_lose_nothing(home: Path) -> None:
    code = (
        "import sys\n"
        "from tests.event_store.test_log import record\n"
        "from bdr_console.event_store import EventLog\n"
        "log = EventLog('shop', size=20_000, files=20)\n"
        "for n in range(100): log.append([record(n, f'{sys.argv[1]}-{n}', by=sys.argv[1])])\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(n)]) for n in range(3)]
    assert [writer.wait(timeout=50) for writer in writers] == [0, 0, 0]
    found = EventLog("shop", size=20_000, files=20).read()
    assert len(found) == 300
    assert len({(one.by, one.event.text) for one in found}) == 300


def test_a_torn_line_and_what_strangers_wrote_are_passed_over(home: Path) -> None:
    log = EventLog("shop")
    log.append([record(1)])
    with (home / "events.jsonl").open("ab") as file:
        file.write(b"\xff\xfe\n[1]\n{}\n" + b"x" * 100_000 + b'\n{"v": 1, "t": "20')
    log.append([record(2)])
    assert texts(log) == ["event 1", "event 2"]


def test_a_full_disk_is_an_error_and_the_log_goes_on_when_there_is_room(home: Path) -> None:
    log = EventLog("shop")
    log.append([record(1)])
    code = (
        "import resource, signal, sys\n"
        "from tests.event_store.test_log import record\n"
        "from bdr_console.event_store import EventLog\n"
        # After the imports: their compiled files would be cut off too, for every other process of this run.
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))\n"
        "try: EventLog('shop').append([record(2)])\n"
        "except OSError: sys.exit(7)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=50, check=False)
    assert done.returncode == 7
    assert (home / "events.jsonl").stat().st_size == 200, "the line was torn"
    log.append([record(3)])
    assert texts(log) == ["event 1", "event 3"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 200


def test_text_that_could_do_something_to_a_terminal_does_nothing_in_the_log() -> None:
    evil = Record(Event(NOW, Level.WARN, "node\x1b]0;x\x07", "a\nb\u202e", "c\x9b"), "who\x00")
    line = line_of(evil)
    assert line.count(b"\n") == 1
    assert not any(byte < 32 for byte in line[:-1])
    found = record_of(line)
    assert found is not None
    assert found.event.text == "a\\x0ab\\u202e"
    raw = json.dumps(json.loads(line) | {"text": "\x1b[31m"}).encode()
    again = record_of(raw)
    assert again is not None
    assert again.event.text == "\\x1b[31m"


def test_a_link_in_the_place_of_the_log_is_not_followed(home: Path, tmp_path: Path) -> None:
    EventLog("shop").append([record(1)])
    target = tmp_path / "precious"
    target.write_text("mine\n")
    (home / "events.jsonl").unlink()
    (home / "events.jsonl").symlink_to(target)
    with pytest.raises(ConsoleError, match="is a symbolic link"):
        EventLog("shop").append([record(2)])
    assert target.read_text() == "mine\n"
