"""Rows are sorted by what they stand for, not by their text, and found by any word in them."""

import pytest

from bdr_console.ui.text.cells import Cell, PaneColumn, Row, RowOrder, counted, next_order, ordered, wanted

NAME, LAG = PaneColumn("name", "Name", 8), PaneColumn("lag", "Lag", 8, "right")

LINKS = (
    Row("a", {"name": Cell("node1 -> node2"), "lag": Cell("9.0 KiB", rank=9216)}),
    Row("b", {"name": Cell("node2 -> node1"), "lag": Cell("48 MiB", rank=48 * 1024**2)}),
    Row("c", {"name": Cell("Node3 -> node1"), "lag": Cell("?")}),
    Row("d", {"name": Cell("node1 -> node3"), "lag": Cell("100 B", rank=100)}),
)
TREE = (
    Row("p/", {"name": Cell("p/bk_db"), "lag": Cell("7", rank=7)}),
    Row("p/1", {"name": Cell("  one"), "lag": Cell("3", rank=3)}, under="p/"),
    Row("p/2", {"name": Cell("  two"), "lag": Cell("4", rank=4)}, under="p/"),
    Row("q/", {"name": Cell("q/bk_ro"), "lag": Cell("9", rank=9)}),
    Row("q/1", {"name": Cell("  red"), "lag": Cell("9", rank=9)}, under="q/"),
)


def keys(rows: tuple[Row, ...]) -> str:
    return " ".join(row.key for row in rows)


@pytest.mark.parametrize(
    ("order", "shown"),
    [
        (None, "a b c d"),
        (RowOrder("lag", down=True), "b a d c"),
        (RowOrder("lag", down=False), "d a b c"),
        (RowOrder("name", down=False), "a d b c"),
        (RowOrder("name", down=True), "c b d a"),
        (RowOrder("gone", down=True), "a b c d"),
    ],
)
def test_rows_are_sorted_by_value_and_what_is_unknown_comes_last(order: RowOrder | None, shown: str) -> None:
    assert keys(ordered(LINKS, order)) == shown


@pytest.mark.parametrize(
    ("order", "shown"),
    [
        (RowOrder("lag", down=True), "q/ q/1 p/ p/2 p/1"),
        (RowOrder("lag", down=False), "p/ p/1 p/2 q/ q/1"),
        (RowOrder("name", down=False), "p/ p/1 p/2 q/ q/1"),
    ],
)
def test_servers_stay_under_their_backend_however_they_are_sorted(order: RowOrder, shown: str) -> None:
    assert keys(ordered(TREE, order)) == shown


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("", "a b c d"),
        ("NODE3", "c d"),
        ("node3 node1", "c d"),
        ("node1 !node3", "a b"),
        ("!mib", "a c d"),
        ("kib", "a"),
        ("nowhere", ""),
        ("!", ""),
    ],
)
def test_a_filter_finds_rows_by_the_words_in_any_cell(words: str, shown: str) -> None:
    assert keys(wanted(LINKS, words)) == shown


@pytest.mark.parametrize(
    ("words", "shown", "count"),
    [
        ("two", "p/ p/2", 1),
        ("bk_ro", "q/ q/1", 1),
        ("bk_db !two", "p/ p/1", 1),
        ("bk", "p/ p/1 p/2 q/ q/1", 3),
    ],
)
def test_a_filter_shows_the_head_of_what_it_finds_and_counts_it_not(
    words: str, shown: str, count: int
) -> None:
    found = wanted(TREE, words)
    assert keys(found) == shown
    assert counted(found) == count


def test_the_sort_column_goes_through_the_columns_and_back_to_none() -> None:
    columns, order, seen = (NAME, LAG), None, []
    for _ in range(4):
        order = next_order(order, columns, 1)
        seen.append(f"{order.column} {order.arrow}" if order else "none")
    assert seen == ["name ^", "lag v", "none", "name ^"]
    assert next_order(None, columns, -1) == RowOrder("lag", down=True)
