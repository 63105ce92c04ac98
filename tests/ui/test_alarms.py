"""What a user reads of alarms, does about them, and finds in the event log."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from textual.pilot import Pilot

from bdr_console.cluster.observed import FactsT, Observed
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.alarms import AlarmRules
from bdr_console.cluster.verdict.changes import Event
from bdr_console.cluster.verdict.findings import Level
from bdr_console.event_store import EventLog, EventStore, Record
from bdr_console.ui.app import ConsoleApp
from bdr_console.ui.screens.log import Filter, moment_of
from bdr_console.ui.terminal.bell import Bell, Ringing, notification
from bdr_console.ui.theming.styles import Tone
from bdr_console.ui.widgets.live_table import LiveTable
from tests.ui.driving import console, line_with, text, until, until_shown
from tests.ui.scenes import NOW, FixedSource, node, run, silent, snapshot


class Clock:
    """The hand of a test on the clock, and on what is read."""

    def __init__(self) -> None:
        self.now = NOW
        self.source = FixedSource()

    def __call__(self) -> datetime:
        return self.now

    def show(self, shown: Snapshot, seconds: float) -> None:
        """So much later this is seen."""
        self.now += timedelta(seconds=seconds)
        self.source.give(
            replace(
                shown,
                taken_at=self.now,
                nodes=tuple(map(self._read_now, shown.nodes)),
                proxies=tuple(map(self._read_now, shown.proxies)),
                poolers=tuple(map(self._read_now, shown.poolers)),
            )
        )

    def _read_now(self, target: Observed[FactsT]) -> Observed[FactsT]:
        return replace(target, seen_at=self.now) if target.error is None else target


def lagging(mib: float) -> Snapshot:
    """node1 sends that much too late."""
    healthy = snapshot()
    facts = node("node1", ("node2", "node3"), lag=int(mib * 1024**2))
    return replace(healthy, nodes=(replace(healthy.nodes[0], facts=facts), *healthy.nodes[1:]))


@asynccontextmanager
async def watching(
    clock: Clock, size: tuple[int, int] = (80, 24), **options: object
) -> AsyncIterator[tuple[ConsoleApp, Pilot[int]]]:
    """A console that has seen a healthy cluster for a minute."""
    clock.show(snapshot(), 0)
    opened = console(source=clock.source, clock=clock, size=size, **options)  # type: ignore[arg-type]
    async with opened as (app, pilot):
        await until(pilot, lambda: app.newest is not None)
        await step(clock, app, pilot, snapshot(), 60)
        yield app, pilot


async def step(clock: Clock, app: ConsoleApp, pilot: Pilot[int], shown: Snapshot, *seconds: float) -> None:
    """See this, so often, each so many seconds after the one before."""
    for some in seconds:
        clock.show(shown, some)
        await until(pilot, lambda: app.newest is not None and app.newest.taken_at == clock.now)
    await until(pilot, lambda: not app.has_news)


async def test_the_head_says_since_when_and_a_figure_near_its_limit_does_not_flap() -> None:
    clock = Clock()
    async with watching(clock, (140, 40)) as (app, pilot):
        await step(clock, app, pilot, lagging(11), 1, 6, 60)
        since = f"{NOW.astimezone() + timedelta(seconds=61):%H:%M:%S}"
        await until_shown(
            pilot, "DEGRADED: node1 -> node2 lags 11.0 MiB", f"since {since}, 1m 06s (and 1 more)"
        )
        await step(clock, app, pilot, lagging(9.5), 2, 20)
        assert "DEGRADED: node1 -> node2 lags 9.5 MiB" in text(app)
        await step(clock, app, pilot, lagging(1), 2)
        assert "HEALTHY" in text(app)
        await step(clock, app, pilot, lagging(1), 11)
        assert "over after 1m 28s: lags 9.5" in line_with(app, "over after")


async def test_an_alarm_is_acknowledged_with_a_reason_and_kept_for_the_next_console(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path))
    clock = Clock()
    async with watching(clock, event_store=EventStore("lab", whose="ana@bastion")) as (app, pilot):
        await step(clock, app, pilot, silent(snapshot(), "node2"), 1, 6)
        await pilot.press("a")
        shown = await until_shown(pilot, "Alarms:", "node2", "! critical", "since")
        assert "acknowledged" not in shown
        await pilot.press("enter")
        await until_shown(pilot, "Acknowledge node2 until it clears")
        await pilot.press("enter")
        await until_shown(pilot, "type a reason")
        await pilot.press("tab", *"disk swap", "enter")
        shown = await until_shown(pilot, "1 acknowledged", "ack by ana: disk swap, until")
        table = app.screen.query_one(LiveTable)
        place = next(i for i in range(table.row_count) if "ack by" in str(table.get_row_at(i)[-1]))
        assert table.get_row_at(place)[-1].style == app.tones[Tone.STALE]
        await pilot.press("escape")
        assert "CRITICAL (acknowledged)" in await until_shown(pilot, "CRITICAL")
        await pilot.press("colon", *"details node2", "enter")
        shown = " ".join((await until_shown(pilot, "Findings", "ack by")).split())
        assert "timed out after 2.0 s" in shown
        assert "since 1" in shown
        await pilot.press("escape")
        await app.current.alarms.keep()
    clock.source = FixedSource()
    clock.show(silent(snapshot(), "node2"), 1)
    event_store = EventStore("lab", whose="bo@bastion")
    async with console(source=clock.source, clock=clock, event_store=event_store) as (app, pilot):
        await until(pilot, lambda: app.newest is not None)
        await app.current.alarms.keep()
        app.paint()
        assert "CRITICAL (acknowledged): node2 does not answer: timed out" in text(app)


async def test_what_changed_in_the_last_ten_minutes_is_two_keys_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path))
    old = Event(NOW - timedelta(days=1), Level.WARN, "node3", "PostgreSQL was restarted", "")
    EventLog("lab").append([Record(old, "bo@bastion:7")])
    clock = Clock()
    async with watching(clock, event_store=EventStore("lab", whose="ana@bastion")) as (app, pilot):
        await step(clock, app, pilot, silent(snapshot(), "haproxy1"), 1)
        await pilot.press("e")
        await until_shown(pilot, "Event log: all, every level: 2 of 2", "lost: timed out", "was restarted")
        await pilot.press("e")
        shown = await until_shown(pilot, "last 10 minutes, every level: 1 of 2", "lost: timed out")
        assert "was restarted" not in shown
        await pilot.press("escape", "slash", *"restarted NODE3", "enter")
        shown = await until_shown(pilot, 'with "restarted NODE3": 1 of 2', "was restarted")
        assert "lost:" not in shown
        await pilot.press("enter")
        await until_shown(pilot, "seen by  bo@bastion:7", "nothing else")
        await pilot.press("escape", "escape", "f", "f")
        await until_shown(pilot, "critical only: 1 of 2")
        await step(clock, app, pilot, snapshot(), 5)
        await pilot.press("f")
        await until_shown(pilot, "every level: 3 of 3", "answers again")
        await pilot.press("ctrl+g", *"5h", "enter")
        await until_shown(pilot, " node3: PostgreSQL was restarted")
        await pilot.press("escape")
        await until_shown(pilot, "1 ")


async def test_a_disk_that_cannot_be_written_costs_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path))
    (tmp_path / "clusters").write_text("in the way")
    clock = Clock()
    async with watching(clock, event_store=EventStore("lab", whose="ana@bastion")) as (app, pilot):
        await app.current.alarms.keep()
        for _ in range(3):
            clock.now += timedelta(seconds=40)
            await app.current.alarms.keep()
        await pilot.press("6")
        shown = await until_shown(pilot, "console")
        assert shown.count("are not kept on") <= 2, "once in the row, once in the line below"
        (tmp_path / "clusters").unlink()
        clock.now += timedelta(seconds=40)
        await app.current.alarms.keep()
        assert [one.event.subject for one in EventLog("lab").read()] == ["console"]


def test_the_bell_rings_at_most_once_in_thirty_seconds() -> None:
    now, out = 0.0, list[str]()
    bell = Bell(Ringing(notify="osc9"), out.append, clock=lambda: now, in_tmux=False)
    assert bell.is_due
    bell.ring("lab CRITICAL: node2: no answer")
    assert out == ["\x1b]9;bdr-console: lab CRITICAL: node2: no answer\x1b\\\x07"]
    now = 29.0
    assert not bell.is_due
    now = 30.0
    assert bell.is_due


@pytest.mark.parametrize("how", ["osc9", "osc777"])
def test_no_byte_of_a_hostile_text_can_end_a_notification(how: str) -> None:
    evil = "x\x07\x1b\\\x1b]52;c;AAAA\x07\x9c\x9d\n4;1;\u202e\ue000"
    plain = notification(how, evil)  # type: ignore[arg-type]
    body = plain.removeprefix("\x1b]").removesuffix("\x1b\\")
    assert body.isprintable()
    assert body.count(";") == (1 if how == "osc9" else 3)
    wrapped = notification(how, evil, in_tmux=True)  # type: ignore[arg-type]
    assert wrapped == f"\x1bPtmux;\x1b\x1b]{body}\x1b\x1b\\\x1b\\"


async def test_a_new_alarm_rings_and_an_acknowledged_one_does_not() -> None:
    clock, out = Clock(), list[str]()
    async with watching(clock, rules=AlarmRules(clear_after=1)) as (app, pilot):
        watch = app.current.alarms

        def seconds() -> float:
            return (clock.now - NOW).total_seconds()

        watch._bell = Bell(Ringing(), out.append, clock=seconds)
        await step(clock, app, pilot, silent(snapshot(), "node2"), 1)
        watch.ring()
        await step(clock, app, pilot, silent(snapshot(), "node2"), 40)
        watch.ring()
        assert out == ["\x07"]


@pytest.mark.parametrize("told", ["rings", "silent"])
async def test_a_run_that_wants_somebody_rings_as_it_is_configured(
    told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, out, terminal_bells = Clock(), list[str](), list[int]()
    monkeypatch.setattr(ConsoleApp, "bell", lambda _: terminal_bells.append(1))
    seconds = 0.0
    async with watching(clock) as (app, _pilot):
        watch = app.current.alarms
        watch._bell = Bell(Ringing(notify="osc9"), out.append, clock=lambda: seconds, in_tmux=False)
        if told == "silent":
            watch._bell = None
        for minutes in (4, 5):
            there = run()
            asking = [replace(one, alarm=f"hold {minutes}m over") for one in there.steps]
            app.current.run_alarmed(replace(there, steps=tuple(asking)))
        seconds = 31.0
        watch.ring()
    rung = [f"\x1b]9;bdr-console: lab RUN: node1: hold {m}m over\x1b\\\x07" for m in (4, 5)]
    assert out == (rung if told == "rings" else [])
    assert terminal_bells == []


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("2h", timedelta(hours=2)),
        ("10 m", timedelta(minutes=10)),
        ("yesterday", None),
        ("25:00", None),
        ("02-30 10:00", None),
        ("", None),
    ],
)
def test_a_time_is_understood_as_it_is_said(said: str, wanted: timedelta | None) -> None:
    found = moment_of(said, NOW)
    assert (NOW - found if found else None) == wanted


def test_a_time_of_day_or_a_day_is_the_last_one_there_was() -> None:
    local = NOW.astimezone()
    later = local + timedelta(hours=1)
    assert moment_of(f"{later:%H:%M}", NOW) == NOW + timedelta(hours=1) - timedelta(days=1)
    assert moment_of(f"{local:%m-%d %H:%M:%S}", NOW) == NOW
    assert moment_of(f"{local:%Y-%m-%d %H:%M}", NOW) == NOW


def test_the_log_is_narrowed_by_words_level_and_time() -> None:
    records = [
        Record(Event(NOW - timedelta(hours=2), Level.CRIT, "node1", "lost", "node.unreachable")),
        Record(Event(NOW, Level.OK, "node1", "answers again", "node.unreachable")),
    ]
    assert len(Filter("unreachable NODE1").select(records, NOW)) == 2
    assert [one.event.text for one in Filter(level=1).select(records, NOW)] == ["lost"]
    assert [one.event.text for one in Filter(window=1).select(records, NOW)] == ["answers again"]
