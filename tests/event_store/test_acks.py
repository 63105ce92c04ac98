"""What somebody has acknowledged is known to the next console, and a broken file loses nothing."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bdr_console.cluster.verdict.alarm import Ack
from bdr_console.cluster.verdict.findings import Key, Level
from bdr_console.event_store.acks import AckFile, BrokenAcksError

NOW = datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of cluster shop."""
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path))
    return tmp_path / "clusters/shop"


def ack(subject: str, until: datetime | None = None) -> tuple[Key, Ack]:
    key = ("node.unreachable", subject)
    return key, Ack(key, Level.CRIT, "ana@bastion", "disk is on its way", NOW, until)


def test_the_next_console_knows_who_acknowledged_what_and_why(home: Path) -> None:
    first, second = dict([ack("node1")]), dict([ack("node2", NOW + timedelta(hours=1))])
    AckFile("shop").write(first, ())
    AckFile("shop").write(second, ())
    assert AckFile("shop").changed() == first | second
    assert (home / "acks.json").stat().st_mode & 0o777 == 0o600
    AckFile("shop").write({}, first)
    assert AckFile("shop").changed() == second


def test_what_a_colleague_changes_is_seen_and_nothing_is_read_twice() -> None:
    mine, theirs = AckFile("shop"), AckFile("shop")
    assert mine.changed() is None, "there is none yet"
    theirs.write(dict([ack("node1")]), ())
    assert mine.changed() == dict([ack("node1")])
    assert mine.changed() is None
    theirs.write({}, [("node.unreachable", "node1")])
    assert mine.changed() == {}


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{",
        b"[]",
        b'{"v": 2, "acks": []}',
        b'{"v": 1, "acks": [{"code": 1}]}',
        b"\xff" * 50,
        b"[" * 9000,
    ],
)
def test_a_broken_file_is_set_aside_and_said_and_acknowledging_goes_on(home: Path, broken: bytes) -> None:
    AckFile("shop").write(dict([ack("node1")]), ())
    (home / "acks.json").write_bytes(broken)
    mine = AckFile("shop")
    with pytest.raises(BrokenAcksError) as said:
        mine.changed()
    aside = Path(str(said.value))
    assert aside.read_bytes() == broken
    mine.write(dict([ack("node2")]), ())
    assert AckFile("shop").changed() == dict([ack("node2")])
