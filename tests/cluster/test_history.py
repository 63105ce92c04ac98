"""Rates, trends and sparklines."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bdr_console.cluster.history import History, sparkline
from tests.cluster.builders import NOW


def filled(*values: float | None) -> History:
    history = History()
    for second, value in enumerate(values):
        history.add("lag", NOW + timedelta(seconds=second), value)
    return history


def test_a_falling_lag_says_when_it_will_be_gone() -> None:
    trend = filled(1000, 900, 800).trend("lag")
    assert trend is not None
    assert trend.rate == -100
    assert trend.seconds_to_zero == 8.0


def test_a_rising_lag_has_no_end() -> None:
    trend = filled(0, 50, 100).trend("lag")
    assert trend is not None
    assert trend.seconds_to_zero is None


def test_one_reading_is_no_trend() -> None:
    assert filled(5).trend("lag") is None
    assert filled(5, None).trend("lag") is None
    assert History().trend("never seen") is None


def test_unknown_samples_are_gaps_not_zeros() -> None:
    trend = filled(1000, None, 800).trend("lag")
    assert trend is not None
    assert trend.rate == -100
    assert sparkline(filled(0, None, 8).last("lag", 3), 3) == " ·█"


def test_a_run_ends_at_the_first_gap_and_a_window_leaves_gaps_out() -> None:
    history = filled(1, None, 1, 1)
    newest = NOW + timedelta(seconds=3)
    assert history.since("lag") == newest - timedelta(seconds=1)
    assert [value for _, value in history.window("lag", 60.0)] == [1, 1, 1]
    assert [value for _, value in history.window("lag", 1.0)] == [1, 1]
    assert filled(1, None).since("lag") is None
    assert (History().since("lag"), History().window("lag", 5.0)) == (None, ())


def test_memory_is_bounded() -> None:
    history = History(keep=10)
    for second in range(100):
        history.add("lag", NOW + timedelta(seconds=second), second)
    assert history.last("lag", 1000) == tuple(range(90, 100))


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e15))), st.integers(1, 50), st.booleans())
def test_a_sparkline_is_as_wide_as_asked(values: list[float | None], width: int, ascii_only: bool) -> None:
    drawn = sparkline(tuple(values), width, ascii_only=ascii_only)
    assert len(drawn) == width
    assert not ascii_only or drawn.isascii()
