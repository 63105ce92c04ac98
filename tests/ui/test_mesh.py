"""The mesh as a matrix: what a cell says, what fits where, and how one moves in it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Thresholds
from bdr_console.ui.judged_snapshot import JudgedSnapshot, Timeline
from bdr_console.ui.screens.overview import Overview
from bdr_console.ui.text.cells import Subject, SubjectKind
from bdr_console.ui.text.mesh import link_cell, node_cell, plan, sentence, short_bytes
from bdr_console.ui.theming.styles import ASCII, UNICODE, Glyphs
from bdr_console.ui.widgets.mesh import MeshMatrix
from tests.ui.driving import console, line_with, text, until, until_shown
from tests.ui.large import large, names
from tests.ui.scenes import NOW, silent, snapshot

MIB = 1024**2


def lagging(lag: int, seconds: float = 0.0, shown: Snapshot | None = None) -> Snapshot:
    """node2 -> node3 as far behind as that."""
    shown = shown or snapshot()
    facts = shown.nodes[1].facts
    assert facts is not None
    slots = tuple(
        replace(slot, lag_bytes=lag, lag_seconds=seconds) if slot.target == "node3" else slot
        for slot in facts.slots
    )
    changed = replace(shown.nodes[1], facts=replace(facts, slots=slots))
    return replace(shown, nodes=(shown.nodes[0], changed, *shown.nodes[2:]))


def moment(shown: Snapshot, glyphs: Glyphs = UNICODE) -> JudgedSnapshot:
    """That snapshot, judged."""
    timeline = Timeline(Thresholds(), glyphs)
    timeline.take(shown)
    made = timeline.at(NOW)
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("shown", "said", "heat"),
    [
        (lagging(4096), ("● in step", "● ok", "●"), 0),
        (lagging(2 * MIB), ("● ok 2M", "● in step", "● ok", "●"), 1),
        (lagging(48 * MIB, 35), ("~ lags 48M 35s", "~ 48M 35s", "~ 48M", "~"), 2),
        (lagging(200 * MIB, 400), ("! lags 200M 6m", "! 200M 6m", "! 200M", "!"), 3),
        (silent(snapshot(), "node2"), ("x no answer 12 s", "x silent", "x"), 0),
        (silent(snapshot(), "node2", error=None), ("? stale 12 s", "? stale", "?"), 0),
    ],
)
def test_a_cell_says_in_symbol_and_word_how_the_link_is_and_shorter_where_it_is_narrow(
    shown: Snapshot, said: tuple[str, ...], heat: int
) -> None:
    seen = moment(shown)
    link = next(link for link in seen.links if link.key == ("node2", "node3"))
    cell = link_cell(link, seen)
    assert cell.forms == said
    assert cell.heat == heat
    assert cell.line(0, 6) in said


def test_the_sentence_of_a_cell_tells_the_lag_and_what_its_slot_keeps() -> None:
    seen = moment(lagging(48 * MIB, 35))
    link = next(link for link in seen.links if link.key == ("node2", "node3"))
    assert sentence(link, seen) == "node2 -> node3: lags 48.0 MiB, 35.0 s; its slot keeps 16.0 MiB of WAL"
    calm = next(link for link in seen.links if link.key == ("node1", "node2"))
    assert "slot active and apply running; lags 4.0 KiB, 12 ms" in sentence(calm, seen)


def test_the_diagonal_shows_the_node_itself() -> None:
    seen = moment(silent(snapshot(), "node2"))
    assert node_cell("node1", seen).forms[0] == "● node up"
    assert node_cell("node2", seen).forms[0] == "x no answer 12 s"


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3, 6, 12, 32, 50])
@pytest.mark.parametrize("size", [(60, 9), (69, 11), (80, 19), (140, 34), (220, 54)])
def test_every_size_of_mesh_finds_its_place_in_every_room(
    count: int, size: tuple[int, int], ascii_only: bool
) -> None:
    made = plan(names(count), *size)
    assert 1 <= made.columns <= count
    assert 1 <= made.rows <= count
    assert made.head + made.columns * made.width <= size[0] + made.width
    assert 1 + made.rows * made.height <= size[1] + made.height - made.lines
    assert made.width >= 3
    assert ASCII.ascii_only or not ascii_only


def test_columns_without_room_for_names_are_numbered_and_the_rows_explain_the_numbers() -> None:
    everybody = names(12)
    made = plan(everybody, 69, 14)
    assert made.numbered
    assert made.row_head(everybody, 10) == "11 node11"
    assert made.column_head(everybody, 10) == "11"
    assert not plan(names(3), 69, 14).numbered


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0B"), (1536, "2K"), (1000 * 1024, "1M"), (48 * MIB, "48M"), (1.2 * 1024**3, "1.2G")],
)
def test_bytes_are_short_in_a_cell(count: float, said: str) -> None:
    assert short_bytes(int(count)) == said


async def test_the_lagging_cell_is_found_in_the_overview_without_a_key() -> None:
    async with console(lagging(48 * MIB, 35)) as (app, _):
        assert "DEGRADED: node2 -> node3 lags 48.0 MiB, 35.0 s" in text(app)
        assert "~ lags 48M 35s" in text(app)
        assert "from \\ to" in text(app)


async def test_arrows_move_over_the_cells_and_the_detail_line_tells_the_whole_sentence() -> None:
    async with console(lagging(48 * MIB, 35), size=(80, 24)) as (app, pilot):
        await pilot.press("m")
        await until_shown(pilot, "node1 -> node2: slot active")
        await pilot.press("right", "down")
        await until_shown(pilot, "node2 -> node3: lags 48.0 MiB, 35.0 s")
        assert isinstance(app.screen, Overview)
        selected = app.screen.selected
        assert selected is not None
        assert selected.subject == Subject(SubjectKind.LINK, ("node2", "node3"))
        await pilot.press("left")
        await until_shown(pilot, "node2: answers")
        selected = app.screen.selected
        assert selected is not None
        assert selected.subject == Subject(SubjectKind.NODE, ("node2",))


async def test_m_goes_from_the_mesh_to_the_table_to_the_drawing_and_back() -> None:
    async with console(snapshot()) as (app, pilot):
        await pilot.press("m")
        await until_shown(pilot, "Walsender")
        assert "from \\ to" not in text(app)
        await pilot.press("m")
        await until_shown(pilot, "╔═ node1", "takes traffic, 10", "┌─ HAProxy")
        await pilot.press("m")
        await until_shown(pilot, "from \\ to", "Replication lag", "What changed")


async def test_fifty_nodes_scroll_by_keys_and_stay_headed() -> None:
    async with console(large(50, 50, 2), size=(80, 24)) as (app, pilot):
        await pilot.press("m")
        await until_shown(pilot, " 1 node1 ")
        await pilot.press("end", *["right"] * 48)
        await until_shown(pilot, "50 node50", "node50: answers")
        assert " 1 node1 " not in text(app)
        await pilot.press("home")
        await until_shown(pilot, "node1 -> node50")


async def test_only_the_cells_that_changed_are_painted_anew() -> None:
    async with console(snapshot()) as (app, pilot):
        mesh = app.query_one("#connections MeshMatrix", MeshMatrix)
        await until(pilot, lambda: mesh.size.width > 0)
        later = NOW + timedelta(seconds=0)
        assert mesh.show(moment(snapshot(later))) == 0
        assert mesh.show(moment(lagging(48 * MIB, 35))) == 1


async def test_the_mesh_is_plain_ascii_where_nothing_else_can_be_shown() -> None:
    async with console(lagging(48 * MIB, 35), ascii_only=True, size=(220, 60)) as (app, _):
        assert text(app).isascii()
        assert "~ lags 48M 35s" in text(app)
        assert "#= node1 =" in text(app)


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (100, 30), (140, 40), (220, 60)])
@pytest.mark.parametrize("ascii_only", [False, True])
async def test_the_story_is_told_at_every_size(size: tuple[int, int], ascii_only: bool) -> None:
    shown = lagging(48 * MIB, 35, snapshot(environment="prod"))
    async with console(shown, size=size, ascii_only=ascii_only, theme="ansi") as (app, _):
        lines = text(app).splitlines()
        assert len(lines) == size[1]
        assert all(len(line) == size[0] for line in lines)
        assert " PROD " in lines[0]
        assert "READ-ONLY" in lines[0]
        assert "DEGRADED: node2 -> node3 lags 48.0 MiB, 35.0 s" in lines[1]
        assert "haproxy1/bk_db 10" in line_with(app, "node1  ") or size[0] == 60
        assert not any("bk_db 1 " in line for line in lines), "a figure that lost its end would lie"


async def test_the_topology_stands_beside_the_panes_on_a_very_large_screen() -> None:
    async with console(lagging(48 * MIB, 35), size=(220, 60)) as (app, _):
        shown = text(app)
        for said in ("╔═ node1", "~ 48M 35s", "▼ 10 sess", "from \\ to", "Replication lag", "What changed"):
            assert said in shown
