"""Themes are data: chosen by name, checked as a whole, and never the only thing that tells a state."""

from pathlib import Path

import pytest
import yaml
from textual.color import Color

from bdr_console.errors import ConsoleError
from bdr_console.ui.app import ConsoleApp
from bdr_console.ui.cells import Tone
from bdr_console.ui.colours import Styles
from bdr_console.ui.themes import NO_COLOUR, ThemeFile, choose, load_themes, theme_dir
from bdr_console.ui.watched import ClusterParts
from tests.ui.driving import console, line_with, text
from tests.ui.scenes import FixedSource, silent, snapshot

NAMES = ("ansi", "ansi-light", "colourblind", "contrast", "dark", "light")


def test_the_six_themes_are_found() -> None:
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
        ({"dark": "perhaps"}, "dark: "),
        ({"colours": {"primary": "reddish"}}, "colours.primary: 'reddish' is no colour"),
        ({"states": {"node-up": None}}, "states.node-up: "),
        ({"shadow": True}, "shadow: extra inputs are not permitted"),
        ({"name": "Not A Name"}, "name: "),
    ],
)
def test_a_mistake_in_a_theme_names_the_file_and_the_key(
    change: dict[str, object], said: str, tmp_path: Path
) -> None:
    good = yaml.safe_load((theme_dir() / "dark.yaml").read_text())
    for key, value in change.items():
        good[key] = {**good[key], **value} if isinstance(value, dict) else value
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump(good))
    with pytest.raises(ConsoleError) as caught:
        load_themes(tmp_path)
    assert f"{path}: {said}" in caught.value.problem


def test_a_theme_that_is_no_yaml_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "torn.yaml").write_text("name: torn\ncolours: [\n")
    with pytest.raises(ConsoleError, match=r"torn\.yaml:3: this is not YAML"):
        load_themes(tmp_path)


def test_two_themes_of_one_name_are_refused(tmp_path: Path) -> None:
    good = (theme_dir() / "dark.yaml").read_text()
    (tmp_path / "a.yaml").write_text(good)
    (tmp_path / "b.yaml").write_text(good)
    with pytest.raises(ConsoleError, match="another theme named 'dark'"):
        load_themes(tmp_path)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("ansi")])
def test_every_state_can_be_read_on_the_ground_of_its_theme(name: str) -> None:
    theme = choose(load_themes(), name)
    ground = Color.parse(theme.colours.background)
    for state, colour in theme.states.model_dump(by_alias=True).items():
        assert contrast(Color.parse(colour), ground) >= 4.5, state


def contrast(one: Color, other: Color) -> float:
    """The contrast ratio of WCAG 2.1, 1 to 21."""

    def luminance(colour: Color) -> float:
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour.normalized]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("name", NAMES)
async def test_every_theme_shows_the_same_words(name: str) -> None:
    async with console(silent(snapshot(), "node2"), theme=name) as (app, _):
        assert "x no answer 12 s" in line_with(app, "node2 ")
        assert app.theme == name
        assert Styles(app.theme_variables, ansi=False)[Tone.BAD].color is not None


async def test_no_color_sends_no_colour_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with console(silent(snapshot(), "node2"), theme=NO_COLOUR) as (app, _):
        assert "x no answer 12 s" in text(app)
        shown = [
            segment.style
            for strip in app.screen._compositor.render_strips()
            for segment in strip.apply_filter(app._filters[-1], Color.parse("black"))
            if segment.style is not None
        ]
        assert all(style.color is None or style.color.is_default for style in shown)


def test_a_theme_file_says_what_it_is_for() -> None:
    for theme in load_themes().values():
        assert isinstance(theme, ThemeFile)
        assert len(theme.description) > 20
