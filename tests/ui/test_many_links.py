"""Meshes with more links than a table can hold: the worst are on top, and the rest can be found."""

from dataclasses import replace
from pathlib import Path

import pytest

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.ui.app import ConsoleApp
from bdr_console.ui.screens.overview import Overview
from bdr_console.ui.widgets.lag import MOST
from tests.ui.driving import console, until, until_shown
from tests.ui.large import large

NODES = 18
LINKS = NODES * (NODES - 1)
MIB = 1024**2


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def late(**lags: int) -> Snapshot:
    """A calm mesh, but what each named node sends first (`node18`: to node1) lags by so many bytes."""
    shown = large(NODES, 3, 2, lag=1)
    nodes = []
    for node in shown.nodes:
        assert node.facts is not None
        first, *others = node.facts.slots
        slots = (replace(first, lag_bytes=lags.get(node.name, 1)), *others)
        nodes.append(replace(node, facts=replace(node.facts, slots=slots)))
    return replace(shown, nodes=tuple(nodes))


def links(app: ConsoleApp) -> list[str]:
    assert isinstance(app.screen, Overview)
    return [row.key for row in app.screen.current.table._latest]


def written(state: Path) -> str:
    return next(state.rglob("*.txt")).read_text()


@pytest.mark.parametrize("keys", [("3",), ("2", "m")])
async def test_of_very_many_links_the_worst_come_first_and_the_last_row_counts_the_rest(
    keys: tuple[str, ...],
) -> None:
    async with console(late(node17=20 * MIB, node18=200 * MIB), size=(80, 24)) as (app, pilot):
        await pilot.press(*keys)
        await until(pilot, lambda: len(links(app)) == MOST + 1)
        assert links(app)[:2] == ["node18 node1", "node17 node1"]
        await pilot.press("end")
        await until_shown(pilot, f"{LINKS - MOST} more")


async def test_a_filter_finds_a_link_that_the_table_has_left_out() -> None:
    async with console(late(), size=(80, 24)) as (app, pilot):
        await pilot.press("3")
        await until(pilot, lambda: len(links(app)) == MOST + 1)
        assert "node18 node17" not in links(app)
        await pilot.press("slash", *"node18 node17", "enter")
        await until(pilot, lambda: links(app) == ["node17 node18", "node18 node17"])


async def test_sorting_looks_at_every_link_and_the_file_gets_them_all(state: Path) -> None:
    async with console(late(node18=5 * MIB), size=(80, 24)) as (app, pilot):
        await pilot.press("3", ">", ">", ">")
        await until(pilot, lambda: links(app)[:1] == ["node18 node1"] and len(links(app)) == MOST + 1)
        await pilot.press("Y")
        await until(pilot, lambda: any(state.rglob("*.txt")))
        assert all(f"node{n} -> node1 " in written(state) for n in range(2, NODES + 1))
