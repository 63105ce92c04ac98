"""Themes are data: chosen by name, checked as a whole, and never the only thing that tells a state."""

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from textual.color import Color

from bdr_console.errors import ConsoleError
from bdr_console.ui.app import ConsoleApp
from bdr_console.ui.cluster_view import ClusterParts
from bdr_console.ui.theming.styles import Styles, Tone
from bdr_console.ui.theming.themes import NO_COLOUR, ThemeFile, choose, gather, load_themes, theme_dir
from tests.ui.driving import console, line_with, strips, text, until, until_shown
from tests.ui.eyes import BLINDNESSES, contrast, distance
from tests.ui.scenes import FixedSource, silent, snapshot

NAMES = ("ansi", "ansi-light", "colour-blind-safe", "dark", "high-contrast", "light", "mono")


def test_the_shipped_themes_are_found() -> None:
    assert tuple(load_themes()) == NAMES


def test_an_unknown_theme_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ConsoleError) as caught:
        ConsoleApp(ClusterParts(FixedSource(), "lab"), theme="solarised")
    assert "'solarised'" in caught.value.problem
    for name in NAMES:
        assert name in caught.value.remedy


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dark": "perhaps"}, ":3:1: dark: "),
        ({"colours": {"primary": "reddish"}}, ":5:3: colours.primary: 'reddish' is no colour"),
        ({"states": {"node-up": None}}, "states.node-up: is empty: give it a value"),
        (
            {"emphasis": {"stale": "blinking"}},
            "emphasis.stale: 'blinking' is no emphasis: write some",
        ),
        ({"shadow": True}, "shadow: unknown key; known here: name, description, dark, ansi"),
        ({"states": {"node-upp": "red"}}, "states.node-upp: unknown key; did you mean 'node-up'?"),
        ({"name": "Not A Name"}, ":1:1: name: "),
    ],
)
def test_a_mistake_in_a_theme_names_file_line_and_key(
    change: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ConsoleError) as caught:
        load_themes(theme_file(tmp_path, **change).parent)
    assert caught.value.problem.startswith(f"{tmp_path / 'bad.yaml'}:")
    assert said in caught.value.problem


def theme_file(directory: Path, file: str = "bad", **change: Any) -> Path:
    """A copy of the dark theme with something changed."""
    good = yaml.safe_load((theme_dir() / "dark.yaml").read_text())
    for key, value in change.items():
        good[key] = {**good.get(key, {}), **value} if isinstance(value, dict) else value
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{file}.yaml"
    path.write_text(yaml.safe_dump(good, sort_keys=False))
    return path


def test_a_theme_that_is_no_yaml_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "torn.yaml").write_text("name: torn\ncolours: [\n")
    with pytest.raises(ConsoleError, match=r"torn\.yaml:3:1: the file ends where a value"):
        load_themes(tmp_path)


def test_two_themes_of_one_name_are_refused(tmp_path: Path) -> None:
    theme_file(tmp_path, "a")
    theme_file(tmp_path, "b")
    with pytest.raises(ConsoleError, match="another theme named 'dark'"):
        load_themes(tmp_path)


def test_a_users_own_themes_are_found_and_the_one_beside_the_configuration_goes_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    theme_file(tmp_path / "xdg/bdr-console/themes", "mine", name="mine", description="from my home directory")
    theme_file(tmp_path / "xdg/bdr-console/themes", "sea", name="sea", description="as blue as can be, or so")
    theme_file(tmp_path / "site/themes", "mine", name="mine", description="from beside the configuration")
    found = gather(tmp_path / "site/config.yaml")
    assert found.broken == ()
    assert set(found.known) == {*NAMES, "mine", "sea"}
    assert found.known["mine"].description == "from beside the configuration"


async def test_a_broken_theme_of_a_users_own_is_said_with_its_place_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = theme_file(tmp_path / "bdr-console/themes", name="mine", colours={"primary": "reddish"})
    found = gather(None)
    (said,) = found.broken
    assert f"{path}:5:3: colours.primary: 'reddish' is no colour" in said
    assert set(found.known) == set(NAMES)
    with pytest.raises(ConsoleError, match="reddish"):  # who asks for it by name learns why it is not there
        choose(found, "mine")
    async with console(snapshot(), themes=found) as (_, pilot):
        await until_shown(pilot, "a theme is left out", "colours.primary")


COLOURED = [name for name, theme in load_themes().items() if not theme.ansi]


@pytest.mark.parametrize("name", COLOURED)
def test_every_state_can_be_read_on_every_ground_of_its_theme(name: str) -> None:
    theme = load_themes()[name]
    least = 7.0 if name == "high-contrast" else 4.5
    colours = {**theme.states.model_dump(by_alias=True), "foreground": theme.colours.foreground}
    for part in ("background", "surface", "panel"):
        ground = Color.parse(getattr(theme.colours, part))
        for state, colour in colours.items():
            assert contrast(Color.parse(colour), ground) >= least, (state, part)
    cursor = [Color.parse(theme.textual[f"block-cursor-{part}"]) for part in ("foreground", "background")]
    assert contrast(*cursor) >= 4.5


@pytest.mark.parametrize("blindness", [None, *BLINDNESSES])
def test_the_states_of_the_colour_blind_safe_theme_look_different_to_every_eye(blindness: str | None) -> None:
    states = load_themes()["colour-blind-safe"].states.model_dump(by_alias=True)
    for one, other in combinations(("node-up", "node-lag", "node-bad", "node-unknown"), 2):
        apart = distance(Color.parse(states[one]), Color.parse(states[other]), blindness)
        assert apart >= 25, (one, other)


def test_the_measure_of_colours_knows_what_red_green_blind_eyes_do_not_see() -> None:
    red, green = Color.parse("#b3261e"), Color.parse("#6b5a00")
    assert distance(red, green) > 40
    assert distance(red, green, "deuteranopia") < 20
    assert round(contrast(Color.parse("white"), Color.parse("black")), 1) == 21.0


@pytest.mark.parametrize("name", NAMES)
def test_production_stands_out_in_every_theme_also_without_colour(name: str) -> None:
    theme = load_themes()[name].theme()
    style = Styles(theme.variables, ansi=theme.ansi)[Tone.PROD]
    assert style.bold
    assert style.reverse


async def test_no_state_looks_like_another_without_colour() -> None:
    theme = load_themes()["mono"].theme()
    styles = Styles(theme.variables, ansi=True)
    looks = {str(styles[tone]) for tone in Tone if tone not in (Tone.PLAIN, Tone.UP)}
    assert len(looks) == 5


@pytest.mark.parametrize("name", ["mono", "light"])
async def test_moving_in_the_list_of_themes_shows_each_and_escape_puts_the_old_one_back(name: str) -> None:
    async with console(snapshot(), theme=name) as (app, pilot):
        await pilot.press("T")
        await until_shown(pilot, "Colour theme", app.known_themes[name].description[:30])
        seen = [app.theme]
        for _ in range(3):
            await pilot.press("j" if seen[-1] != "mono" else "k")
            await pilot.pause()
            seen.append(app.theme)
        assert len(set(seen)) > 1
        await pilot.press("escape")
        await until(pilot, lambda: app.theme == name)


async def test_enter_keeps_a_theme_and_says_how_to_keep_it_for_good() -> None:
    async with console(snapshot(), config=Path("/etc/bdr-console/config.yaml")) as (app, pilot):
        await pilot.press("T")
        await until_shown(pilot, "Colour theme")
        await pilot.press("down", "enter")
        await until_shown(pilot, "To keep this theme", f"theme: {app.theme}", "config.yaml")
        assert app.theme != "dark"


@pytest.mark.parametrize("name", NAMES)
async def test_every_theme_shows_the_same_words(name: str) -> None:
    async with console(silent(snapshot(), "node2"), theme=name) as (app, _):
        assert "x no answer 12 s" in line_with(app, "node2  ")
        assert app.theme == name
        assert Styles(app.theme_variables, ansi=False)[Tone.BAD].color is not None


async def test_no_color_sends_no_colour_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with console(silent(snapshot(), "node2"), theme=NO_COLOUR) as (app, pilot):
        assert "x no answer 12 s" in text(app)
        for keys in ((), ("T",), ("escape", "question_mark"), ("escape", "ctrl+p"), ("escape", "colon")):
            await pilot.press(*keys)
            await pilot.pause()
            for strip in strips(app):
                for _, style, control in strip:
                    assert control or style is None or (style.color is None and style.bgcolor is None)


async def test_colours_come_and_go_when_the_theme_is_changed_from_and_to_one_without() -> None:
    async with console(silent(snapshot(), "node2"), theme="mono") as (app, pilot):
        for theme, coloured in (("dark", True), ("mono", False), ("ansi", True), ("light", True)):
            app.theme = theme
            await until(pilot, lambda: _coloured(app) is coloured)  # noqa: B023 - awaited at once


def _coloured(app: ConsoleApp) -> bool:
    shown = strips(app)
    return any(style is not None and style.color is not None for strip in shown for _, style, _ in strip)


def test_a_theme_file_says_what_it_is_for() -> None:
    for theme in load_themes().values():
        assert isinstance(theme, ThemeFile)
        assert len(theme.description) > 20
