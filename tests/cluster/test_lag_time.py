"""A lag in time is measured by when the sender's WAL was where the receiver is now."""

from datetime import UTC, datetime, timedelta

from bdr_console.cluster.lag_time import IN_STEP, LagTime, Position, WalSeries

NOW = datetime(2026, 11, 28, 3, 0, 0, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    """That long before now."""
    return NOW - timedelta(seconds=seconds)


def series(*seen: tuple[float, int]) -> WalSeries:
    """(seconds ago, position), oldest first."""
    found = WalSeries()
    for seconds, position in seen:
        found.add(ago(seconds), position)
    return found


def behind(written: int, applied: int) -> Position:
    """Read now."""
    return Position(NOW, written, applied)


def measured(
    known: WalSeries,
    position: Position,
    *,
    at_least: float = 0.0,
    at_most: float | None = None,
    engine: float | None = None,
) -> LagTime:
    """With readings a second apart."""
    return known.measured(position, 2.5, at_least=at_least, at_most=at_most, engine=engine)


def test_what_has_applied_everything_that_can_be_sent_is_in_step() -> None:
    assert measured(WalSeries(), behind(500, 500)) == IN_STEP
    assert measured(series((96, 100), (0, 500)), behind(500, 900), engine=12.0) == IN_STEP


def test_one_reading_alone_knows_no_time_and_says_so() -> None:
    found = measured(series((0, 500)), behind(500, 100), engine=0.017)
    assert (found.figure, found.text) == (None, "unknown")


def test_readings_that_were_all_behind_give_a_lower_bound_whatever_the_engine_keeps_saying() -> None:
    found = measured(series((1.8, 400), (0.9, 450), (0, 500)), behind(500, 100), engine=0.017)
    assert (found.at_least, found.at_most, found.figure) == (1.8, None, None)
    assert found.text == ">= 1.8 s"


def test_a_blocked_apply_ages_although_the_engine_keeps_its_last_figure() -> None:
    known = series(*((seconds, 1000 - seconds) for seconds in range(100, -1, -1)))
    found = measured(known, behind(1000, 904), engine=0.017)
    assert found.text == "1m 36s"
    assert (found.at_least, found.at_most) == (95.0, 96.0)


def test_a_healthy_link_shows_the_engines_own_figure_which_is_finer() -> None:
    known = series((2, 300), (1, 400), (0, 500))
    assert measured(known, behind(500, 450), engine=0.004).text == "4 ms"
    assert measured(known, behind(500, 490), engine=None).text == "100 ms", "as if written evenly"


def test_a_lag_between_two_distant_looks_is_no_figure_unless_the_engine_gives_one_between() -> None:
    """`status` from cron: a look each minute."""
    known = series((60, 100), (1, 900), (0, 910))
    assert measured(known, behind(910, 500)) == LagTime(1.0, 60.0, None)
    assert measured(known, behind(910, 500), engine=5.0).text == "5.0 s"
    assert measured(known, behind(910, 500), engine=0.017).text == ">= 1.0 s"


def test_an_idle_sender_does_not_age_what_was_written_just_now() -> None:
    idle = series(*((seconds, 100) for seconds in range(3600, 0, -1)), (0, 200))
    found = measured(idle, behind(200, 100))
    assert (found.at_least, found.at_most) == (0.0, 1.0)


def test_a_small_lag_of_an_idle_sender_is_as_old_as_it_is() -> None:
    """One transaction that is not applied for 96 s, and nothing written since."""
    known = series(*((seconds, 100 if seconds > 96 else 240) for seconds in range(120, -1, -1)))
    assert measured(known, behind(240, 100)).text == "1m 37s"


def test_what_else_is_known_narrows_it() -> None:
    known = series((1, 400), (0, 500))
    assert measured(known, behind(500, 100), at_least=96.0).text == ">= 1m 36s"
    assert measured(known, behind(500, 100), at_least=96.0, at_most=97.0).text == "1m 37s"
    assert measured(known, behind(500, 100), at_least=-3.0).at_least == 1.0, "a clock that is ahead"
    assert measured(known, behind(500, 100), at_most=0.2) == LagTime(1.0, 1.0, 1.0), "our own bound counts"


def test_positions_are_kept_wider_apart_the_older_they_are() -> None:
    known = WalSeries()
    for second in range(86400, -1, -1):
        known.add(ago(second), 1_000_000 - second)
    rows = known.rows()
    assert len(rows) < 513
    assert (NOW - rows[0][1]).total_seconds() > 80_000
    for age in (10, 600, 3600, 40_000):
        found = measured(known, behind(1_000_000, 1_000_000 - age))
        assert found.at_most is not None
        assert found.at_least <= age <= found.at_most
        assert found.at_most - found.at_least <= max(2.0, 0.15 * age)


def test_another_server_under_the_same_name_forgets_the_positions_of_the_first() -> None:
    known = series((60, 900), (30, 950), (0, 100))
    assert known.rows() == [(100, NOW, NOW)]


def test_a_clock_set_back_forgets_the_moments_that_have_not_come_yet() -> None:
    known = series((60, 100), (-3600, 200), (-3601, 210))
    known.add(ago(0), 300)
    assert [position for position, _, _ in known.rows()] == [100, 300]
    found = measured(known, behind(300, 100))
    assert (found.at_least, found.at_most) == (0.0, 60.0)


def test_a_clock_set_back_on_an_idle_server_leaves_no_moment_to_come() -> None:
    known = series((60, 100), (-3600, 100))
    known.add(ago(0), 100)
    assert known.rows() == [(100, ago(60), NOW)]
    assert measured(known, behind(200, 100)).at_most == 0.0
