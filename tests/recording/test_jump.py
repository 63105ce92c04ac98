"""Where a typed word leads in a recording."""

from datetime import UTC, datetime, timedelta

import pytest

from bdr_console.cluster.verdict.changes import Event
from bdr_console.cluster.verdict.findings import Level
from bdr_console.errors import ConsoleError
from bdr_console.recording.jump import neighbour, target

BEGAN = datetime(2026, 3, 4, 23, 40, 2).astimezone(UTC)
ENDED = BEGAN + timedelta(minutes=40)
HERE = BEGAN + timedelta(minutes=5)
EVENTS = tuple(
    Event(BEGAN + timedelta(minutes=minutes), Level.WARN, subject, text)
    for minutes, subject, text in (
        (1, "node2", "lost: timed out"),
        (9, "node2", "answers again"),
        (11, "run node1", "Hold"),
    )
)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("23:50", 9 * 60 + 58),
        ("23:50:02", 600),
        ("0:05", 24 * 60 + 58),
        ("2026-03-05 00:05:02", 1500),
        ("23:40", 0),
        ("+5m", 600),
        ("-30s", 270),
        ("+ 2h", 2400),
        ("-1h", 0),
        ("start", 0),
        ("end", 2400),
        ("LOST", 60),
        ("node2", 540),
        ("run node1", 660),
    ],
)
def test_a_word_leads_to_its_moment(said: str, seconds: float) -> None:
    assert (target(said, HERE, BEGAN, ENDED, EVENTS) - BEGAN).total_seconds() == seconds


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "no time was given"),
        ("12:00", "12:00 is not in the recording"),
        ("25:00", "there is no time 25:00"),
        ("2026-13-01 10:00", "there is no time"),
        ("nowhere", "no event holds 'nowhere'"),
    ],
)
def test_what_leads_nowhere_is_said(said: str, why: str) -> None:
    with pytest.raises(ConsoleError, match=why):
        target(said, HERE, BEGAN, ENDED, EVENTS)


def test_the_neighbours_of_a_moment() -> None:
    assert neighbour(HERE, EVENTS, 1) == EVENTS[1]
    assert neighbour(HERE, EVENTS, -1) == EVENTS[0]
    assert neighbour(EVENTS[1].at, EVENTS, 1) == EVENTS[2]
    assert neighbour(EVENTS[1].at, EVENTS, -1) == EVENTS[0]
    assert neighbour(ENDED, EVENTS, 1) is None
