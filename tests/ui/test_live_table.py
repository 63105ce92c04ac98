"""The table repaints what changed and nothing else, and its cursor stays on its row."""

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region

from bdr_console.ui.text.cells import Cell, PaneColumn, Row, fit, lay
from bdr_console.ui.theming.styles import DEFAULTS, Styles
from bdr_console.ui.widgets.live_table import LiveTable

NAME, FIGURE, MORE = (
    PaneColumn("name", "Name", 6, fits_names=True),
    PaneColumn("figure", "Figure", 6, "right"),
    PaneColumn("more", "More", 10),
)
SETS = ((NAME, FIGURE, MORE), (NAME, FIGURE))


class _Recording(LiveTable):
    """Remembers what it was asked to repaint."""

    def __init__(self) -> None:
        self.asked: list[tuple[Region, ...]] = []
        super().__init__(SETS)

    def refresh(self, *regions: Region, **options: bool) -> "_Recording":
        self.asked.append(regions)
        super().refresh(*regions, **options)
        return self


class _Bench(App[None]):
    def compose(self) -> ComposeResult:
        yield _Recording()

    def on_ready(self) -> None:
        self.table.restyle(Styles(DEFAULTS, ansi=False))

    @property
    def table(self) -> _Recording:
        return self.query_one(_Recording)


def rows(*names: str, figure: int = 1) -> list[Row]:
    return [
        Row(name, {"name": Cell(name), "figure": Cell(str(figure)), "more": Cell(f"about {name}")})
        for name in names
    ]


async def test_only_the_cell_that_changed_is_repainted() -> None:
    app = _Bench()
    async with app.run_test(size=(40, 12)) as pilot:
        app.table.apply(rows("a", "b", "c", "d"))
        await pilot.pause()
        app.table.asked.clear()
        changed = rows("a", "b", "c", "d")
        changed[2] = rows("c", figure=2)[0]
        assert app.table.apply(changed) == 1
        (regions,) = app.table.asked
        (region,) = regions
        assert (region.y, region.height) == (3, 1)
        assert region.width <= FIGURE.width + 1
        await pilot.pause()
        assert str(app.table.get_cell("c", "figure")).strip() == "2"


async def test_nothing_is_repainted_when_nothing_changed() -> None:
    app = _Bench()
    async with app.run_test(size=(40, 12)) as pilot:
        app.table.apply(rows("a", "b"))
        await pilot.pause()
        app.table.asked.clear()
        assert app.table.apply(rows("a", "b")) == 0
        assert app.table.asked == []


async def test_a_table_that_changed_for_the_most_part_is_repainted_as_a_whole() -> None:
    app = _Bench()
    async with app.run_test(size=(20, 12)) as pilot:
        app.table.apply(rows("a"))
        await pilot.pause()
        app.table.asked.clear()
        other = Row("a", {"name": Cell("A"), "figure": Cell("9"), "more": Cell("else")})
        assert app.table.apply([other]) > 1
        assert app.table.asked == [()]


@pytest.mark.parametrize(
    "after", [("x", "a", "b", "c"), ("c", "b", "a"), ("b", "c"), ("c", "x", "y", "z", "b")]
)
async def test_the_cursor_stays_on_its_row_when_rows_come_go_and_move(after: tuple[str, ...]) -> None:
    app = _Bench()
    async with app.run_test(size=(40, 12)) as pilot:
        app.table.apply(rows("a", "b", "c"))
        app.table.focus()
        await pilot.press("down")
        assert app.table.selected is not None
        assert app.table.selected.key == "b"
        app.table.apply(rows(*after))
        await pilot.pause()
        assert app.table.selected is not None
        assert app.table.selected.key == "b"
        assert app.table.cursor_row == after.index("b")


async def test_scrolling_is_kept_when_a_row_comes_on_top() -> None:
    app = _Bench()
    async with app.run_test(size=(40, 8)) as pilot:
        names = [f"row{i}" for i in range(40)]
        app.table.apply(rows(*names))
        app.table.focus()
        await pilot.press("end")
        await pilot.pause()
        before = app.table.scroll_y
        assert before > 0
        app.table.apply(rows("new", *names))
        await pilot.pause()
        assert app.table.scroll_y >= before
        assert app.table.selected is not None
        assert app.table.selected.key == "row39"


async def test_columns_that_do_not_fit_are_left_out_not_cut() -> None:
    app = _Bench()
    async with app.run_test(size=(40, 12)) as pilot:
        app.table.apply(rows("a"))
        await pilot.pause()
        assert len(app.table.ordered_columns) == 3
        await pilot.resize_terminal(18, 12)
        await pilot.pause()
        assert [str(column.label).strip() for column in app.table.ordered_columns] == ["Name", "Figure"]


def test_a_long_name_takes_room_from_the_less_important_columns() -> None:
    assert len(fit(SETS, rows("short"), 26)) == 3
    assert len(fit(SETS, rows("a-rather-long-name"), 26)) == 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("abc", "abc   "),
        ("abcdefgh", "abcde…"),
        ("日本語テスト", "日本… "),
        ("a\x1b[2Jb", "a\\x1b…"),
        ("", "      "),
    ],
)
def test_text_fills_its_column_exactly_whatever_it_holds(text: str, shown: str) -> None:
    assert lay(text, PaneColumn("x", "X", 6), 6) == shown


def test_the_newest_samples_of_a_sparkline_are_the_ones_that_stay() -> None:
    assert lay("123456789", PaneColumn("x", "X", 4, keep_end=True), 4) == "6789"
