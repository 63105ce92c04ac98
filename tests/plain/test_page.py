"""A cluster as plain text: readable at 80 columns, honest about what is not known, ASCII where need be."""

from dataclasses import replace

import pytest
from rich.cells import cell_len

from bdr_console.links.advisory import Holder
from bdr_console.plain.page import page
from bdr_console.plain.table import Column, table, wrapped
from tests.plain.seen import report
from tests.ui.scenes import never_read, run, silent, snapshot


def test_the_first_line_is_the_verdict_and_every_kind_has_its_table() -> None:
    lines = page(report(snapshot()))
    assert lines[0] == "HEALTHY: 3 nodes, 6 links in step (worst 12 ms), node1 serves 32 clients"
    titles = [line.split("  ")[0].partition(":")[0] for line in lines if line[:4].isupper()]
    assert titles == ["HEALTHY", "NODE", "FROM -> TO", "HAPROXY SERVER", "POOL"]
    assert "lab [lab] at " in lines[1]
    assert any(line.startswith("node1 -> node2  streaming") for line in lines)


@pytest.mark.parametrize("width", [60, 80, 140])
@pytest.mark.parametrize("scene", [snapshot(), silent(snapshot(), "node2"), never_read(snapshot())])
def test_no_line_is_wider_than_the_terminal(scene: object, width: int) -> None:
    lines = page(report(scene), width)  # type: ignore[arg-type]
    assert max(map(cell_len, lines)) <= width


def test_a_silent_node_is_dated_and_its_finding_is_whole() -> None:
    lines = page(report(silent(snapshot(), "node2")))
    assert lines[0].startswith("CRITICAL: node2 does not answer: timed out after 2.0 s")
    assert "CRIT    node2 does not answer: timed out after 2.0 s; last seen 12.0 s ago" in lines
    assert any(line.startswith("node2  no answer 12 s") for line in lines)


def test_what_was_never_read_is_a_question_mark_and_never_a_zero() -> None:
    node = next(line for line in page(report(never_read(snapshot()))) if line.startswith("node1"))
    assert node.split()[:6] == ["node1", "not", "read", "?", "?", "?"]


def test_only_ascii_leaves_for_a_terminal_that_has_no_more() -> None:
    scene = snapshot()
    named = replace(scene, nodes=(replace(scene.nodes[0], name="knöten1"), *scene.nodes[1:]))
    lines = page(report(named), 60, ascii_only=True)
    assert all(line.isascii() for line in lines)
    assert any("kn\\xf6ten1" in line for line in lines)


def test_a_run_under_way_is_said() -> None:
    text = "\n".join(page(report(snapshot(), runs=(run(),))))
    assert f"RUN     {run().run_id} of node1 by " in text


def test_who_holds_the_operators_lock_is_said() -> None:
    holder = Holder("node1", 77, "bdr-console run 3f2a alice@b1", "app", "10.0.0.5", "2026-03-04T10:00:00Z")
    text = "\n".join(page(report(snapshot(), lock=holder)))
    assert "LOCK    bdr-console run 3f2a alice@b1, from 10.0.0.5" in text


def test_a_control_character_never_reaches_the_terminal() -> None:
    scene = snapshot()
    hostile = replace(scene, nodes=(replace(scene.nodes[0], address="\x1b[2J10.0.0.1"), *scene.nodes[1:]))
    assert "\x1b" not in "".join(page(report(hostile), 200))


def test_a_narrow_table_shortens_names_first_then_drops_columns_from_the_end() -> None:
    columns = (Column("NAME", gives=True), Column("STATE"), Column("MORE"))
    rows = [("a-rather-long-name", "streaming", "x" * 30)]
    assert table(columns, rows, 80, ascii_only=True)[1] == f"a-rather-long-name  streaming  {'x' * 30}"
    assert table(columns, rows, 22, ascii_only=True)[1] == "a-rather-l~  streaming"


def test_a_long_finding_breaks_between_words() -> None:
    lines = wrapped("one two three four", 14, first="CRIT    ", rest=" " * 8, ascii_only=True)
    assert lines == ["CRIT    one", "        two", "        three", "        four"]
