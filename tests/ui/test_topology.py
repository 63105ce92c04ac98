"""The drawn mesh, read as text."""

import pytest

from bdr_console.ui.text.topology import MOST_NODES, draw
from bdr_console.ui.theming.styles import ASCII, UNICODE
from tests.ui.large import large, names
from tests.ui.scenes import silent, snapshot
from tests.ui.test_mesh import MIB, lagging, moment


@pytest.mark.parametrize("count", range(1, MOST_NODES + 1))
@pytest.mark.parametrize("size", [(73, 36), (100, 34), (140, 34), (216, 54)])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_every_node_has_its_whole_box(count: int, size: tuple[int, int], glyphs: object) -> None:
    seen = moment(large(count, count, 2), glyphs)  # type: ignore[arg-type]
    drawn = draw(seen, *size)
    assert drawn is not None
    lines = [line.plain for line in drawn.texts(None)]
    assert len(lines) == size[1]
    assert all(len(line) <= size[0] for line in lines)
    whole = "\n".join(lines)
    for name in names(count):
        assert f" {name} " in whole
    assert whole.count("21 sess, 3 active") == count
    assert whole.count("node up") == count
    assert glyphs is not ASCII or whole.isascii()
    again = draw(seen, *size)
    assert again is not None
    assert [line.plain for line in again.texts(None)] == lines, "the same every time"


def test_the_way_of_the_clients_leads_to_the_node_that_takes_them() -> None:
    drawn = draw(moment(snapshot()), 100, 34)
    assert drawn is not None
    whole = "\n".join(line.plain for line in drawn.texts(None))
    for said in (
        "pgb-tx  16 clients",
        "haproxy1/bk_db  3 of 3 available",
        "▼ 10 sess",
        "╔═ node1",
        "┌─ node2",
    ):
        assert said in whole
    assert whole.count("no traffic") == 2


def test_a_line_says_how_far_behind_and_a_dead_one_that_it_is_down() -> None:
    drawn = draw(moment(lagging(48 * MIB, 35)), 100, 34)
    assert drawn is not None
    assert "~ 48M 35s" in "\n".join(line.plain for line in drawn.texts(None))
    drawn = draw(moment(silent(snapshot(), "node3")), 100, 34)
    assert drawn is not None
    whole = "\n".join(line.plain for line in drawn.texts(None))
    assert "x no answer 12 s" in whole
    assert "? unknown" in whole


def test_with_six_nodes_only_what_is_not_in_step_is_labelled() -> None:
    calm = draw(moment(large(6, 6, 2)), 120, 40)
    assert calm is not None
    assert "in step" not in "\n".join(line.plain for line in calm.texts(None))


def test_where_it_does_not_fit_nothing_is_drawn() -> None:
    assert draw(moment(snapshot()), 60, 34) is None
    assert draw(moment(snapshot()), 100, 12) is None
    assert draw(moment(large(7, 7, 2)), 216, 54) is None
