"""A recording on the console's own screens: marked, dated by its own clock, and unable to change anything."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace as changed
from datetime import timedelta
from pathlib import Path

import pytest
from textual.pilot import Pilot

from bdr_console.cluster.text import format_clock
from bdr_console.config.options import Options
from bdr_console.errors import ConsoleError
from bdr_console.recording.reader import Recording
from bdr_console.ui.replay.app import ReplayApp
from bdr_console.ui.screens.run import RunScreen
from bdr_console.ui.screenshot import of_recording
from bdr_console.ui.terminal.bell import Bell
from bdr_console.ui.theming.themes import NO_COLOUR, appearance, own, theme_dir
from bdr_console.ui.widgets.live_table import LiveTable
from tests.recording.made import moments, raw, recording, switchover
from tests.ui.driving import text, until, until_shown
from tests.ui.scenes import NOW

LOOK = appearance(Options(), None, None, theme="dark", on_terminal=False)
LOST = range(100, 160)
STEPS: tuple[tuple[float, dict[str, object]], ...] = (
    (1, {"kind": "step", "step": "disable", "status": "running", "deadline": 10.0}),
    (20, {"kind": "step", "step": "disable", "status": "done"}),
    (20.5, {"kind": "step", "step": "hold", "status": "holding"}),
    (60, {"kind": "end", "status": "done", "message": "back", "leftovers": []}),
)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """Four minutes: node2 does not answer in the second one, a switchover goes on in the fourth."""
    runs = switchover(NOW + timedelta(seconds=180), STEPS)
    return recording(tmp_path / "made.bdrrec", moments(240, lost=LOST), runs=runs)


@asynccontextmanager
async def replay(
    path: Path, size: tuple[int, int] = (140, 40), **options: object
) -> AsyncIterator[tuple[ReplayApp, Pilot[int]]]:
    """The replay of it, painted for the first time, standing still."""
    app = ReplayApp(Recording(path), **options)  # type: ignore[arg-type]
    app.player.paused = True
    async with app.run_test(size=size, notifications=True) as pilot:
        await until_shown(pilot, "REPLAY", "node1")
        yield app, pilot


def clock(seconds: float) -> str:
    """The local clock so many seconds after the recording began."""
    return format_clock(NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("theme", ["dark", NO_COLOUR])
async def test_nobody_takes_a_replay_for_a_live_screen(recorded: Path, theme: str) -> None:
    async with replay(recorded, (80, 24), theme=theme) as (app, pilot):
        await pilot.press("ctrl+g", *"+90", "enter")
        shown = await until_shown(pilot, f"REPLAY 2026-03-04 {clock(90)}")
        line = next(line for line in shown.splitlines() if "paused" in line)
        assert f"{clock(90)} of {clock(0)}-{clock(239)} · paused · x1" in line
        assert "operate" not in shown
        assert "READ-ONLY" not in shown
        assert app.read_only


async def test_everything_shown_is_of_the_moment_that_is_gone_to(recorded: Path) -> None:
    async with replay(recorded) as (_app, pilot):
        await pilot.press("ctrl+g", *"+2m", "enter")
        await until_shown(pilot, clock(120), "CRITICAL: node2", "timed out after 2.0 s", "no answer 24 s")
        await pilot.press("ctrl+g", *"start", "enter")
        shown = await until_shown(pilot, "HEALTHY", clock(0))
        assert "lost" not in shown
        await pilot.press("ctrl+g", *"answers again", "enter")
        await until_shown(pilot, clock(160), "answers again", "lost: timed out")


async def test_a_step_on_and_one_back(recorded: Path) -> None:
    async with replay(recorded) as (app, pilot):
        await pilot.press("ctrl+g", *"+50s", "enter")
        await until_shown(pilot, f"REPLAY 2026-03-04 {clock(50)}")
        await pilot.press("full_stop")
        await until_shown(pilot, f"REPLAY 2026-03-04 {clock(51)}")
        await pilot.press("comma")
        await until_shown(pilot, f"REPLAY 2026-03-04 {clock(50)}")
        await pilot.press("comma")
        await until_shown(pilot, f"REPLAY 2026-03-04 {clock(49)}")
        assert app.newest is not None
        assert app.newest.taken_at == NOW + timedelta(seconds=49)


async def test_it_plays_stands_still_hurries_and_ends(recorded: Path) -> None:
    async with replay(recorded) as (app, pilot):
        await pilot.press("p")
        await until_shown(pilot, "playing")
        await until(pilot, lambda: app.player.now() > NOW + timedelta(seconds=1))
        await pilot.press("p")
        await until_shown(pilot, "paused")
        stood = app.player.now()
        for _ in range(8):
            await pilot.press("plus")
        await until_shown(pilot, "x64")
        assert app.player.now() == stood
        await pilot.press("p")
        await until_shown(pilot, "at its end", clock(239))
        await pilot.press("minus")
        await until_shown(pilot, "x32")


async def test_n_goes_from_event_to_event(recorded: Path) -> None:
    async with replay(recorded) as (app, pilot):
        await pilot.press("n")
        await until(pilot, lambda: app.player.now() == NOW + timedelta(seconds=100))
        await until_shown(pilot, "lost: timed out")
        await pilot.press("n")
        await until(pilot, lambda: app.player.now() > NOW + timedelta(seconds=100))
        await pilot.press("N")
        await until(pilot, lambda: app.player.now() == NOW + timedelta(seconds=100))
        await pilot.press("N")
        await until_shown(pilot, "no event before this")


async def test_a_word_that_leads_nowhere_is_said_and_can_be_typed_again(recorded: Path) -> None:
    async with replay(recorded, (80, 24)) as (app, pilot):
        await pilot.press("ctrl+g", *"nap", "enter")
        await until_shown(pilot, "no event holds 'nap'")
        await pilot.press("backspace", "backspace", "backspace", *"end", "enter")
        await until_shown(pilot, "at its end")
        assert app.player.now() >= NOW + timedelta(seconds=239)


async def test_a_recorded_run_is_shown_as_it_stood(recorded: Path) -> None:
    async with replay(recorded) as (app, pilot):
        await pilot.press("p", "ctrl+g", *clock(190), "enter")
        await until_shown(pilot, "RUN node1: step 1/2 running")
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        shown = await until_shown(pilot, "REPLAY", "disable server b/s")
        assert "Abort" not in shown.splitlines()[-1] or "(a Abort)" in shown
        await pilot.press("ctrl+g", *clock(210), "enter")
        await until_shown(pilot, clock(210), "holding")
        await pilot.press("b", "ctrl+g", *"start", "enter")
        await until(pilot, lambda: app.runs.run is None and "RUN node1" not in text(app))


async def test_nothing_can_be_started_or_said_from_a_replay(recorded: Path) -> None:
    async with replay(recorded) as (app, pilot):
        assert app.operator.acts is None
        await pilot.press("s")
        await until_shown(pilot, "read-only")
        await pilot.press("S")
        await pilot.pause()
        assert app.current.recorder is None


async def test_the_alarms_of_a_replay_are_those_of_the_moment_and_wake_nobody(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(state))
    rung: list[str] = []
    monkeypatch.setattr(ReplayApp, "bell", lambda _: rung.append("bell"))
    monkeypatch.setattr(Bell, "ring", lambda _, text: rung.append(text))
    async with replay(recorded) as (app, pilot):
        await pilot.press("ctrl+g", *"+2m", "enter")
        await until_shown(pilot, clock(120), "CRITICAL: node2")
        await pilot.press("a")
        await until_shown(pilot, "Alarms: ", "node2")
        await pilot.press("enter")
        await until_shown(pilot, "this is a recording")
        await pilot.press("u", "A")
        assert app.current.timeline.board.acks == {}
        await pilot.press("ctrl+g", *"start", "enter")
        await until_shown(pilot, clock(0), "no alarm")
        await app.current.alarms.keep()
        app.current.alarms.ring()
    assert rung == []
    assert [path for path in state.rglob("*") if path.is_file()] == []


async def test_the_log_of_a_replay_holds_each_recorded_line_once_and_only_what_had_happened(
    recorded: Path,
) -> None:
    async with replay(recorded) as (app, pilot):
        await pilot.press("ctrl+g", *"+2m", "enter")
        await until_shown(pilot, clock(120), "lost: timed out")
        await pilot.press("e")
        await until_shown(pilot, "Event log: all", "lost: timed out")
        table = app.screen.query_one(LiveTable)
        rows = [table.get_row_at(place)[-2:] for place in range(table.row_count)]
        listed = [" ".join(str(cell).strip() for cell in row) for row in rows]
        assert listed.count("node2 lost: timed out after 2.0 s") == 1
        assert len(listed) == len(set(listed)), listed
        await pilot.press("ctrl+g", *"end", "enter")
        await until_shown(pilot, "answers again")
        await pilot.press("ctrl+g", *"start", "enter")
        await until_shown(pilot, clock(0), "no event: all")


async def test_a_replay_has_the_users_keys_theme_and_ascii(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    config = tmp_path / "own" / "config.yaml"
    (config.parent / "themes").mkdir(parents=True)
    shipped = (theme_dir() / "dark.yaml").read_text()
    (config.parent / "themes" / "mine.yaml").write_text(shipped.replace("name: dark", "name: mine"))
    cluster = 'clusters: {demo: {nodes: {node1: {dsn: "host=127.0.0.1 port=1"}}}}'
    config.write_text(f"theme: mine\nascii: true\nkeys: {{help: f1, replay-pause: f2}}\n{cluster}\n")
    found, settings = own(Options(config))
    async with replay(recorded, **appearance(Options(config), found, settings)) as (app, pilot):
        assert app.theme == "mine"
        assert text(app).isascii()
        await pilot.press("f2")
        await until_shown(pilot, "playing")
        await pilot.press("f1")
        await until_shown(pilot, "Keys   esc closes")


def test_a_replay_needs_no_configuration_and_says_what_is_wrong_with_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BDR_CONSOLE_CONFIG", str(tmp_path / "config.yaml"))
    assert own(Options()) == (None, None)
    assert capsys.readouterr().err == ""
    (tmp_path / "config.yaml").write_text("clustres: {}\n")
    assert own(Options()) == (None, None)
    assert "shown without your keys and themes" in capsys.readouterr().err
    with pytest.raises(ConsoleError, match="clustres"):
        own(Options(tmp_path / "config.yaml"))


async def test_a_stretch_that_was_not_recorded_is_left_out(tmp_path: Path) -> None:
    early, late = moments(3), moments(3)
    shown = [*early, *(changed(one, taken_at=one.taken_at + timedelta(hours=2)) for one in late)]
    async with replay(recording(tmp_path / "gap", shown)) as (app, pilot):
        await pilot.press("p")
        await until(pilot, lambda: app.player.now() >= NOW + timedelta(hours=2))
        await until_shown(pilot, "nothing was recorded until")


@pytest.fixture
def torn(recorded: Path) -> Path:
    """The same without its last bytes."""
    recorded.write_bytes(recorded.read_bytes()[:-5])
    return recorded


async def test_damage_is_said_in_the_head(torn: Path) -> None:
    async with replay(torn) as (_app, pilot):
        await until_shown(pilot, "REPLAY", "1 damaged")


async def test_a_picture_of_a_recording_shows_the_moment_that_was_asked_for(recorded: Path) -> None:
    with Recording(recorded) as made:
        shot = await of_recording(made, "lost", (80, 24), LOOK, ("6",))
    assert f"REPLAY 2026-03-04 {clock(100)}" in shot.text
    assert "lost: timed out" in shot.text
    assert "<svg" in shot.svg
    assert all(line == line.rstrip() for line in shot.text.splitlines())
    with Recording(recorded) as made, pytest.raises(ConsoleError, match="no event holds"):
        await of_recording(made, "nowhere", (80, 24), LOOK, ())


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """The program, without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "bdr_console", *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "TZ": "UTC"},
        timeout=50,
        check=False,
    )


def test_the_events_of_a_recording_are_printed_without_a_terminal(recorded: Path) -> None:
    done = run("replay", str(recorded), "--events")
    assert done.returncode == 0
    assert (
        done.stdout.splitlines()[0]
        == "2026-03-04 10:01:40+00:00  CRITICAL  node2  lost: timed out after 2.0 s"
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("replay", "/etc/hostname"), "/etc/hostname is no recording"),
        (("replay", "/nonexistent"), "cannot read /nonexistent: No such file"),
        (("screenshot", "--at", "12:00"), "--at is a moment of a recording"),
        (("screenshot", "--size", "2x2"), "'2x2' is no size of a terminal"),
        (("--record-limit", "much", "watch"), "'much' is no size"),
    ],
)
def test_wrong_use_is_answered_in_a_sentence(arguments: tuple[str, ...], says: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_recording_of_which_nothing_can_be_read_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = raw(tmp_path / "given", b'{"snapshot":{}}', b'{"event":{"at":1}}', b'{"run":{"id":"x"}}')
    with pytest.raises(ConsoleError, match="none of its first 1 whole snapshots can be read"):
        Recording(path)
