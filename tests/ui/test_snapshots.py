"""Pictures of every screen: a change of looks shows up as a difference to read.

`--update-pictures` makes them anew.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.widgets import Input, Static

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.recording.reader import Recording
from bdr_console.ui.app import ConsoleApp
from bdr_console.ui.cluster_view import ClusterParts
from bdr_console.ui.replay.app import ReplayApp
from bdr_console.ui.theming.themes import NO_COLOUR, load_themes
from tests.recording.made import lagging, moments, recording
from tests.ui.details.builders import known
from tests.ui.driving import FakeActs, FakeRuns, until, until_shown
from tests.ui.pictures import SNAPSHOTS, compare, picture
from tests.ui.scenes import NOW, FixedSource, run, silent, snapshot
from tests.ui.test_left import in_maintenance, lost, what_is_left

SMALL, LARGE = (80, 24), (140, 40)
Take = Callable[[ConsoleApp], str]


@pytest.fixture(autouse=True)
def _one_time_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The clock on the screen is local; the pictures are made in UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def _ago(shown: Snapshot, seconds: float) -> Snapshot:
    """The same moment so many seconds earlier."""
    at = timedelta(seconds=seconds)

    def earlier(target: Any) -> Any:
        return replace(target, seen_at=target.seen_at - at)

    return replace(
        shown,
        taken_at=shown.taken_at - at,
        nodes=tuple(map(earlier, shown.nodes)),
        proxies=tuple(map(earlier, shown.proxies)),
        poolers=tuple(map(earlier, shown.poolers)),
    )


def _console(theme: str, *shown: Snapshot, others: tuple[ClusterParts, ...] = (), **desks: Any) -> ConsoleApp:
    """The console on the last of them, with what the ones before leave in memory."""
    parts = ClusterParts(FixedSource(*shown), "lab", "lab", acts=desks.pop("acts", FakeActs()), **desks)
    return ConsoleApp(parts, *others, theme=theme, clock=lambda: NOW)


def _broken() -> tuple[Snapshot, ...]:
    """A minute of a cluster in which one node fell silent and a link began to lag."""
    begun = replace(known(), proxies=snapshot().proxies)
    grown = [lagging(begun, mib * 1024**2) for mib in (1, 2, 4, 7, 11, 15)]
    seen = [_ago(shown, 50 - 10 * place) for place, shown in enumerate(grown)]
    return (_ago(begun, 60), *(silent(shown, "node3") for shown in seen))


def broken(theme: str, _: Path) -> ConsoleApp:
    """Something to look at."""
    return _console(theme, *_broken())


def several(theme: str, _: Path) -> ConsoleApp:
    """Three clusters, one of them in trouble."""
    shop = replace(silent(snapshot(environment="prod"), "node2"), cluster="shop")
    stage = replace(snapshot(environment="staging"), cluster="stage")
    others = (
        ClusterParts(FixedSource(shop), "shop", "prod"),
        ClusterParts(FixedSource(stage), "stage", "staging", runs=FakeRuns(run())),
    )
    return _console(theme, snapshot(), others=others)


def waiting(theme: str, _: Path) -> ConsoleApp:
    """A switchover that waits for clients."""
    return _console(theme, snapshot(), runs=FakeRuns(run()))


def left(theme: str, _: Path) -> ConsoleApp:
    """A run whose runner died in the hold."""
    acts = FakeActs(left=what_is_left())
    return _console(theme, in_maintenance(), runs=FakeRuns(lost()), acts=acts)


def replayed(theme: str, directory: Path) -> ConsoleApp:
    """A recording that stands still where a node is lost."""
    app = ReplayApp(
        Recording(recording(directory / "made.bdrrec", moments(30, lost=range(10, 30)))), theme=theme
    )
    app.player.paused = True
    app.player.jump(NOW + timedelta(seconds=20))
    return app


@dataclass(frozen=True, slots=True)
class Scene:
    """A screen, how one gets there, and what tells that it is painted."""

    app: Callable[[str, Path], ConsoleApp]
    first: str
    """Stands on the screen before the keys are pressed."""
    keys: tuple[str, ...] = ()
    said: tuple[str, ...] = ()


SCENES = {
    "overview": Scene(broken, "no answer 12 s"),
    "table": Scene(broken, "no answer 12 s", ("2", "m")),
    "topology": Scene(broken, "no answer 12 s", ("2", "m", "m")),
    "zoomed": Scene(broken, "no answer 12 s", ("3", "z"), ("Trend",)),
    "node": Scene(broken, "no answer 12 s", ("1", "enter"), ("Node node1",)),
    "link": Scene(broken, "no answer 12 s", ("3", "enter"), ("Lag over the last hour",)),
    "pool": Scene(broken, "no answer 12 s", ("5", "down", "enter"), ("Who holds server connections",)),
    "alarms": Scene(broken, "no answer 12 s", ("a",), ("Alarms:",)),
    "log": Scene(broken, "no answer 12 s", ("e",), ("Event log: all",)),
    "clusters": Scene(several, "c lists them", ("c",), ("step 3/7 waiting", "staging    ● HEALTHY")),
    "help": Scene(broken, "no answer 12 s", ("question_mark",), ("In a hurry", "Overview")),
    "themes": Scene(broken, "no answer 12 s", ("T",), ("Colour theme",)),
    "plan": Scene(broken, "no answer 12 s", ("s",), ("type the node's name",)),
    "run": Scene(waiting, "RUN node1", ("w",), ("3 of 9 server connections left",)),
    "left": Scene(left, "LEFT", ("o",), ("r resume: go on",)),
    "replay": Scene(replayed, "paused"),
}
LOOKS = [*(("overview", theme) for theme in load_themes()), ("run", "dark")]
"""Scenes and themes of which there is a picture in the colours of the terminal too."""


async def _shown(scene: Scene, theme: str, size: tuple[int, int], directory: Path, take: Take) -> str:
    """The picture of a scene, once it is painted."""
    app = scene.app(theme, directory)
    async with app.run_test(size=size) as pilot:
        await until_shown(pilot, scene.first)
        await until(pilot, lambda: not app.has_news)
        await pilot.press(*scene.keys)
        await until_shown(pilot, *scene.said)
        for typed in app.screen.query(Input):
            typed.cursor_blink = False
        app.paint()
        await until(pilot, lambda: not app.has_news)
        return take(app)


def _update(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-pictures"))


@pytest.mark.parametrize("theme", ["dark", NO_COLOUR])
@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "140x40"])
@pytest.mark.parametrize("name", SCENES)
async def test_screen(
    request: pytest.FixtureRequest, tmp_path: Path, name: str, size: tuple[int, int], theme: str
) -> None:
    now = await _shown(SCENES[name], theme, size, tmp_path, picture)
    compare(f"{name}-{size[0]}x{size[1]}-{theme}.txt", now, update=_update(request))


@pytest.mark.parametrize(("name", "theme"), LOOKS)
async def test_look(request: pytest.FixtureRequest, tmp_path: Path, name: str, theme: str) -> None:
    now = await _shown(SCENES[name], theme, SMALL, tmp_path, ConsoleApp.export_screenshot)
    compare(f"{name}-{theme}.svg", now, update=_update(request))


def test_every_snapshot_is_of_a_screen_that_there_is() -> None:
    texts = {
        f"{name}-{width}x{height}-{theme}.txt"
        for name in SCENES
        for width, height in (SMALL, LARGE)
        for theme in ("dark", NO_COLOUR)
    }
    looks = {f"{name}-{theme}.svg" for name, theme in LOOKS}
    assert {path.name for path in SNAPSHOTS.iterdir()} == texts | looks


@pytest.mark.parametrize(
    ("change", "shows"),
    [
        (lambda app: app.query_one("#a").update("now"), ["-   |before", "+   |now"]),
        (lambda app: app.query_one("#b").update("[bold]words[/]"), ["+  e|bbbbb"]),
        (lambda app: app.query_one("#b").update("[$error]wo[/]rds"), ["+  c|ee"]),
        (lambda app: app.query_one("#b").update("[on $error]w[/]ords"), ["+  g|e"]),
    ],
    ids=["text", "emphasis", "colour", "ground"],
)
async def test_a_difference_is_told_line_by_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: Callable[[App[Any]], None], shows: list[str]
) -> None:
    monkeypatch.setattr("tests.ui.pictures.SNAPSHOTS", tmp_path)
    app = _Small()
    async with app.run_test(size=(20, 4)) as pilot:
        compare("small.txt", picture(app), update=True)
        compare("small.txt", picture(app), update=False)
        change(app)
        await pilot.pause()
        with pytest.raises(pytest.fail.Exception) as failure:
            compare("small.txt", picture(app), update=False)
    lines = str(failure.value).splitlines()
    assert [line for line in shows if line not in lines] == []


class _Small(App[object]):
    """Two lines."""

    def compose(self) -> Iterator[Static]:
        yield Static("before", id="a")
        yield Static("words", id="b")
