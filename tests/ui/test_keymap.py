"""A user's own keys: what may be written, what is refused, and that every screen follows."""

import subprocess
import sys
from pathlib import Path

import pytest
from textual.keys import _character_to_key

from bdr_console.config import ConfigurationError, read
from bdr_console.ui.keymap import applied, canonical, canonical_list, wrong
from bdr_console.ui.keys import ACTIONS, Scope, bindings, of, shown
from bdr_console.ui.screens.overview import Overview
from tests.config.files import GOOD
from tests.ui.driving import FakeActs, console, line_with, text, until, until_shown
from tests.ui.scenes import snapshot


@pytest.mark.parametrize("code", [code for code in range(33, 127) if chr(code) != ","])
def test_every_character_of_a_keyboard_is_named_as_textual_names_it(code: int) -> None:
    assert canonical(chr(code)) == _character_to_key(chr(code))
    assert shown(canonical(chr(code))) == chr(code)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("esc", "escape"),
        ("Enter", "enter"),
        ("ctrl+x", "ctrl+x"),
        ("G, end", "G,end"),
        ("comma", "comma"),
        ("f5", "f5"),
        ("+", "plus"),
        ("?,question_mark", "question_mark"),
    ],
)
def test_keys_are_written_as_people_write_them(written: str, meant: str) -> None:
    assert canonical_list(written) == meant


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"zom": "f"}, "there is no action of this name; did you mean 'zoom'?"),
        ({"zoom": "escpae"}, "'escpae' is no key; did you mean 'escape'?"),
        ({"zoom": "f,"}, "a key is missing"),
        ({"zoom": "hyper+x"}, "'hyper+x' is no key"),
        ({"zoom": "\x01"}, "a control character is no key"),
        ({"zoom": "s"}, "s is the key of 'switchover' too (Overview)"),
        ({"zoom": "q"}, "q is the key of 'quit' too (Overview)"),
        ({"refresh": "z"}, "z is the key of 'zoom' too (Overview)"),
        ({"run-go": "a"}, "a is the key of 'run-abort' too (Run under way)"),
        ({"run-go": "G"}, "G is the key of 'go-bottom' too (Run under way)"),
        ({"question-yes": "n"}, "n is the key of 'question-no' too (Questions)"),
    ],
)
def test_a_wrong_key_is_said_with_what_was_probably_meant(keys: dict[str, str], said: str) -> None:
    ((name, told),) = wrong(keys)
    assert name in keys
    assert said in told


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"zoom": "f"},
        {"zoom": "w", "run": "z"},  # swapped
        {"question-yes": "j"},  # a question has no list to move in
        {"refresh": "r,R"},  # r is the run screen's own as well, and was before
    ],
)
def test_keys_that_do_not_meet_are_accepted(keys: dict[str, str]) -> None:
    assert not list(wrong(keys))


def test_a_wrong_key_in_a_file_is_named_with_its_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(GOOD + '\nkeys:\n  zoom: "s"\n  swichover: S\n')
    with pytest.raises(ConfigurationError) as caught:
        read(path)
    first, second = caught.value.problem.splitlines()
    assert first == f"{path}:3:3: keys.zoom: s is the key of 'switchover' too (Overview)"
    assert second.startswith(f"{path}:4:3: keys.swichover: there is no action of this name; did you mean")


def test_checking_keys_loads_no_textual(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(GOOD + '\nkeys: {zoom: "f"}\n')
    code = (
        "import sys, pathlib; from bdr_console.config import read; "
        f"print(read(pathlib.Path({str(path)!r})).settings.keys); "
        "assert 'bdr_console.ui.keys' in sys.modules; assert 'textual' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "'zoom': 'f'" in done.stdout


async def test_a_key_of_ones_own_works_and_stands_in_the_footer_and_in_the_help() -> None:
    async with console(snapshot(), keys={"zoom": "f", "switchover": "S"}, acts=FakeActs()) as (app, pilot):
        await until_shown(pilot, "f Zoom", "S Switchover")
        await pilot.press("5", "f")
        await until(pilot, lambda: "bdr_next_node" not in text(app))
        await pilot.press("z")
        await pilot.pause()
        assert "bdr_next_node" not in text(app)  # the old key is free
        await pilot.press("question_mark")
        await until_shown(pilot, "f  One pane on the whole screen")


def test_nothing_needs_a_function_key_alt_or_a_mouse() -> None:
    for action in ACTIONS:
        if not action.keys:
            continue
        keys = action.keys.split(",")
        assert any("alt" not in key and "shift+" not in key and not _function(key) for key in keys), action


def _function(key: str) -> bool:
    return key.startswith("f") and key[1:].isdecimal()


def test_every_action_of_the_registry_can_be_given_another_key() -> None:
    for place in Scope:
        assert {one.id for one in bindings(place)} == {action.id for action in of(place) if action.keys}  # type: ignore[union-attr]
    assert applied({"zoom": "?"}) == {"zoom": "question_mark"}


@pytest.mark.parametrize(("down", "up"), [("j", "k"), ("down", "up")])
async def test_letters_and_arrows_move_the_cursor(down: str, up: str) -> None:
    async with console(snapshot()) as (app, pilot):
        assert isinstance(app.screen, Overview)
        table = app.screen.current.table
        await pilot.press(down, down)
        assert table.cursor_row == 2
        await pilot.press(up)
        assert table.cursor_row == 1
        await pilot.press("G" if down == "j" else "end")
        assert table.cursor_row == 2
        await pilot.press("g" if down == "j" else "home")
        assert table.cursor_row == 0
        await pilot.press("ctrl+d")
        assert table.cursor_row == 2
        await pilot.press("ctrl+u")
        assert table.cursor_row == 0


async def test_h_and_l_go_from_pane_to_pane() -> None:
    async with console(snapshot()) as (app, pilot):
        assert isinstance(app.screen, Overview)
        await pilot.press("l")
        await until(pilot, lambda: line_with(app, "4 HAProxy") != "" and app.screen.current.NUMBER == 4)  # type: ignore[attr-defined]
        await pilot.press("h")
        await until(pilot, lambda: app.screen.current.NUMBER == 1)  # type: ignore[attr-defined]


async def test_letters_scroll_the_help_too() -> None:
    async with console(snapshot(), size=(80, 24)) as (_app, pilot):
        await pilot.press("question_mark")
        await until_shown(pilot, "Keys   esc closes")
        await pilot.press("G")
        await until_shown(pilot, "Questions", "No, go back")
        await pilot.press("g")
        await until_shown(pilot, "Keys   esc closes")
