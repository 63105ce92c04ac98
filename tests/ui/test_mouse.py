"""Everything a hand finds by itself works with the mouse, and nothing needs it."""

from textual.widgets import DataTable

from bdr_console.ui.app import ConsoleApp
from bdr_console.ui.screens.overview import Overview
from tests.ui.driving import FakeActs, console, line_with, text, until, until_shown
from tests.ui.scenes import snapshot


def place(app: ConsoleApp, word: str) -> tuple[int, int]:
    """Where `word` begins on the screen: column, row."""
    lines = text(app).splitlines()
    row = next(i for i, line in enumerate(lines) if word in line)
    return lines[row].index(word), row


def overview(app: ConsoleApp) -> Overview:
    """The overview, in front."""
    assert isinstance(app.screen, Overview)
    return app.screen


async def test_a_click_on_a_row_selects_it_and_gives_its_pane_the_keys() -> None:
    async with console(snapshot()) as (app, pilot):
        await pilot.click(offset=place(app, "node2 -> node1"))
        await until(pilot, lambda: overview(app).current.NUMBER == 3)
        row = overview(app).selected
        assert row is not None
        assert row.key == "node2 node1"


async def test_a_click_on_a_tab_goes_to_its_pane() -> None:
    async with console(snapshot(), size=(80, 24)) as (app, pilot):
        await pilot.click(offset=place(app, "Pools"))
        await until_shown(pilot, "MaxWait")
        assert overview(app).current.NUMBER == 5


async def test_a_click_on_a_key_in_the_footer_does_what_the_key_does() -> None:
    async with console(snapshot(), acts=FakeActs()) as (app, pilot):
        await pilot.click(offset=place(app, "? Help"))
        await until_shown(pilot, "Keys   esc closes")


async def test_the_wheel_scrolls_what_it_is_over() -> None:
    async with console(snapshot(), size=(80, 24)) as (app, pilot):
        await pilot.press("question_mark")
        await until_shown(pilot, "Keys   esc closes")
        for _ in range(4):
            await pilot._post_mouse_events([_wheel()], offset=(20, 12))
        await until(pilot, lambda: "Keys   esc closes" not in text(app))


async def test_the_footer_stays_as_it_is_under_the_palette_and_is_right_again_after_it() -> None:
    async with console(snapshot(), acts=FakeActs()) as (app, pilot):
        before = text(app).splitlines()[-1]
        assert "Left over" not in before
        await pilot.press("ctrl+p")
        await until_shown(pilot, "Go to the")
        assert "Left over" not in line_with(app, "1-6 Panes")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Overview))
        await until(pilot, lambda: text(app).splitlines()[-1] == before)
        assert isinstance(app.focused, DataTable)


def _wheel() -> type:
    from textual.events import MouseScrollDown

    return MouseScrollDown
