"""Lengths of time are typed alike everywhere."""

import pytest

from bdr_console.cluster.text import parse_duration, span
from bdr_console.errors import ConsoleError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("0.5", 0.5),
        ("90s", 90),
        ("1.5s", 1.5),
        ("15m", 900),
        ("15min", 900),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("2d", 172800),
        (" 10 s ", 10),
        ("1d2h3m4s", 93784),
        ("366d", 366 * 86400),
    ],
)
def test_a_duration_is_a_number_of_seconds_or_numbers_with_their_units(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "s", "soon", "1w", "1h30", "-5s", "+5s", "1e3", "5 5", "1..5s", "٣s", "1h30m!", "367d", "9" * 40],
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConsoleError, match=r"is no duration|longer than a year") as refused:
        parse_duration(text)
    assert refused.value.remedy == "Write seconds, or for example 90s, 15m, 1h30m."


def test_where_a_number_alone_could_be_something_else_the_unit_is_wanted() -> None:
    assert span("1h30m") == 5400
    assert span("90") is None
    assert span("999d") is None
