"""The WAL positions of earlier looks: a one-shot knows by them how old a lag is."""

from dataclasses import replace
from pathlib import Path

import pytest

from bdr_console.cluster.history import History
from bdr_console.cluster.replication import links
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.history_keys import remember
from bdr_console.cluster.verdict.lag import lag_text
from bdr_console.event_store.files import home_of
from bdr_console.event_store.positions import PositionFile, taken
from tests.cluster.test_lag import blocked


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / "state"))


def look(begins: float, *, cluster: str = "shop", change: bool = False) -> tuple[str, str]:
    """A one-shot of three readings from that second on: the lag of node1 -> node2, and what kept positions
    from being known. `change`: node1 is at another address."""
    history, positions = History(), PositionFile(cluster)
    for seconds in (begins, begins + 1, begins + 2):
        shown = moved(blocked(seconds)) if change else blocked(seconds)
        remember(history, shown)
        positions.recall(history, shown)
    (link,) = (one for one in links(shown, shown.taken_at, history) if one.key == ("node1", "node2"))
    positions.save(taken(history, shown))
    return lag_text(link), positions.trouble


def moved(shown: Snapshot) -> Snapshot:
    """The same with every node at another address."""
    return replace(shown, nodes=tuple(replace(node, address="10.9.9.9:5432") for node in shown.nodes))


def file() -> Path:
    """Where they are kept."""
    return home_of("shop") / "wal-positions.json"


def test_a_look_alone_knows_no_more_than_its_own_seconds() -> None:
    assert look(120) == ("984 KiB, >= 2.0 s", "")


def test_looks_from_cron_see_the_true_age_of_a_blocked_apply() -> None:
    look(0)
    assert look(60) == ("504 KiB, >= 1m 02s", "")
    assert look(120) == ("984 KiB, >= 2m 02s", "")


def test_another_cluster_and_another_address_know_nothing_of_it() -> None:
    look(0)
    assert look(60, cluster="other")[0] == "504 KiB, >= 2.0 s"
    assert look(60, change=True)[0] == "504 KiB, >= 2.0 s"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff",
        b"[" * 100_000,
        b'{"version":1}',
        b'{"version":"x","nodes":{}}',
        b'{"version":1,"nodes":{"node1":{"address":"node1:5432","rows":[[1],["x",2,3],[1,2,1e99],[-1,0,0],7]}}}',
        b'{"version":1,"nodes":{"node1":{"address":"node1:5432","rows":[[1,NaN,NaN],[true,1,1]]}}}',
        b'{"version":1,"nodes":{"node1":[]}}',
    ],
)
def test_a_broken_file_is_a_memory_lost_and_the_next_look_begins_a_new_one(content: bytes) -> None:
    look(0)
    file().write_bytes(content)
    assert look(60) == ("504 KiB, >= 2.0 s", "")
    assert look(120) == ("984 KiB, >= 1m 02s", "")


def test_a_file_of_a_newer_program_is_left_alone_and_that_is_said() -> None:
    look(0)
    file().write_text('{"version":2,"nodes":{"node1":7}}')
    text, trouble = look(60)
    assert text == "504 KiB, >= 2.0 s"
    assert "newer bdr-console" in trouble
    assert file().read_text() == '{"version":2,"nodes":{"node1":7}}'


def test_a_state_directory_that_cannot_be_written_costs_the_memory_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / "file"))
    text, trouble = look(60)
    assert text == "504 KiB, >= 2.0 s"
    assert str(tmp_path / "file") in trouble


def test_the_file_is_private_and_stays_small_however_often_it_is_looked() -> None:
    history, positions = History(), PositionFile("shop")
    for hour in range(48):
        for minute in range(60):
            shown = blocked(hour * 3600 + minute * 60)
            remember(history, shown)
    positions.save(taken(history, shown))
    assert file().stat().st_mode & 0o777 == 0o600
    assert file().stat().st_size < 100_000


def test_two_that_write_in_turn_keep_what_the_other_saw() -> None:
    one, other = History(), History()
    for seconds in range(0, 60, 2):
        remember(one, blocked(seconds))
        remember(other, blocked(seconds + 1))
    PositionFile("shop").save(taken(one, blocked(60)))
    PositionFile("shop").save(taken(other, blocked(60)))
    third = History()
    shown = blocked(60)
    remember(third, shown)
    PositionFile("shop").recall(third, shown)
    moments = [first for _, first, _ in third.wal("node1").rows()]
    assert len(moments) == 61
    assert moments == sorted(moments)


def test_a_server_made_anew_at_the_same_address_forgets_the_old_one() -> None:
    look(3600)
    history, positions = History(), PositionFile("shop")
    shown, at = blocked(0), blocked(7200).taken_at
    nodes = tuple(
        replace(node, seen_at=at, facts=node.facts and replace(node.facts, clock=at)) for node in shown.nodes
    )
    later = replace(shown, taken_at=at, nodes=nodes)
    remember(history, later)
    positions.recall(history, later)
    assert len(history.wal("node1").rows()) == 1
