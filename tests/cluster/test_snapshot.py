"""A snapshot is the same again after a trip through JSON."""

from datetime import timedelta

import pytest

from bdr_console.cluster.snapshot import from_json, to_json
from tests.cluster.builders import NOW, node, snapshot


def test_a_snapshot_survives_json() -> None:
    assert from_json(to_json(snapshot())) == snapshot()


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="validation error"):
        from_json('{"cluster": 5}')


def test_a_clock_that_is_set_back_makes_no_dead_target_fresh() -> None:
    """It was read a minute ago by the clock that nobody sets, whatever the wall clock says now."""
    dead = node("node1", age=0.0)
    for step in (-3600, -30, 3600):
        at = NOW + timedelta(seconds=60 + step)
        assert dead.dated(60.0, at).age(at) == pytest.approx(60, abs=1)
        assert not dead.dated(60.0, at).is_fresh(at, 1.0)
    assert dead.dated(60.0, NOW + timedelta(seconds=60)) is dead
    again = dead.dated(60.0, NOW - timedelta(seconds=3540)).seen_at
    assert dead.dated(60.3, NOW - timedelta(seconds=3539.7)).seen_at == again, "one reading has one date"
