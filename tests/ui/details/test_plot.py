"""The plot of an hour: axes in the field's units, the local clock, gaps that are no zeros."""

from datetime import timedelta

import pytest

from bdr_console.cluster.history import Hour
from bdr_console.cluster.text import format_bytes
from bdr_console.ui.details.link import plot
from tests.ui.scenes import NOW


def hour(*values: float | None) -> Hour:
    """Those values at the last minutes before NOW, one a minute, oldest first."""
    made = Hour()
    for place, value in enumerate(values):
        if value is not None:
            made.add(NOW - timedelta(minutes=len(values) - 1 - place), value)
    return made


def drawn(made: Hour, *, width: int = 76, height: int = 6, ascii_only: bool = False) -> tuple[str, ...]:
    return plot(made.points(NOW), width, height, format_bytes, least=1024, ascii_only=ascii_only)


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("width", [40, 76, 136])
def test_the_axes_say_bytes_and_the_local_clock(width: int, *, ascii_only: bool) -> None:
    lines = drawn(hour(*[48.0 * 1024**2] * 60), width=width, ascii_only=ascii_only)
    assert lines[0].lstrip().startswith("64.0 MiB")
    assert any("32.0 MiB" in line for line in lines)
    assert lines[-2].lstrip().startswith("0 B")
    quarter = NOW - timedelta(minutes=30)
    assert f"{quarter.astimezone():%H:%M}" in lines[-1]
    assert lines[-1].endswith("now")
    assert all(len(line) <= width for line in lines)
    assert not ascii_only or all(line.isascii() for line in lines)


def test_what_is_above_zero_shows_however_small_and_zero_does_not() -> None:
    lines = drawn(hour(*[1.0] * 30, *[0.0] * 28, 1024.0**3, 0.0), ascii_only=True)
    bottom = lines[-3].partition("|")[2]
    assert "." in bottom
    assert bottom.count("#") >= 1
    assert not lines[0].partition("|")[2][:40].strip()


def test_a_time_without_readings_has_a_broken_axis() -> None:
    axis = drawn(hour(*[0.0] * 5))[-2]
    assert "╌" in axis
    assert axis.rstrip()[-1] == "─"


def test_the_highest_column_is_where_the_peak_was() -> None:
    values = [10.0] * 60
    values[30] = 1024.0
    top = drawn(hour(*values), ascii_only=True)[0].partition("|")[2]
    assert 0.4 < top.index("#") / 65 < 0.6


def test_an_hour_keeps_the_peak_of_each_step_and_forgets_what_is_older() -> None:
    made = Hour()
    for second in range(20):
        made.add(NOW + timedelta(seconds=second), float(second % 10))
    later = NOW + timedelta(seconds=20)
    assert [value for _, value in made.points(later)][-3:] == [9.0, 9.0, None]
    made.add(NOW + timedelta(hours=2), 5.0)
    known = [value for _, value in made.points(NOW + timedelta(hours=2)) if value is not None]
    assert known == [5.0]
    made.add(NOW, 7.0)
    assert 7.0 not in [value for _, value in made.points(NOW + timedelta(hours=2))]
