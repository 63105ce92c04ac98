"""Details are laid out to the width there is, and nothing in them moves the cursor."""

import pytest
from rich.cells import cell_len

from bdr_console.ui.details.block import Block, Field, Goto, Table, Words, dated, lay_out, wrap
from bdr_console.ui.text.cells import Cell, Subject, SubjectKind
from bdr_console.ui.theming.styles import DEFAULTS, UNICODE, Styles

STYLES = Styles(DEFAULTS, ansi=False)
HOSTILE = ("[/]", "x[red]y", "\x1b]0;owned\x07", "a\x9bb", "\u202egnirts", "日本語" * 40, "x" * 5000, "a\nb")


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("width", [20, 58, 78, 138])
def test_whatever_the_text_every_line_fits_and_is_printable(name: str, width: int) -> None:
    cell = Cell(name)
    block = Block(
        name,
        (Field("label", cell), Words(cell), Table(("one", "two"), ((cell, cell),)), Goto(_node(name), cell)),
        "a.sql",
        3.0,
    )
    page = lay_out((block,), width, STYLES, UNICODE)
    for line in page.lines:
        assert line.plain.isprintable()
        assert cell_len(line.plain) <= max(width, 30)


def _node(name: str) -> Subject:
    return Subject(SubjectKind.NODE, (name,))


def test_a_long_value_is_wrapped_beside_its_label_not_cut() -> None:
    value = "could not receive data from WAL stream: server closed the connection unexpectedly"
    page = lay_out((Block("B", (Field("last failure", Cell(value)),)),), 58, STYLES, UNICODE)
    body = [line.plain for line in page.lines[1:]]
    assert len(body) == 3
    assert " ".join(line.strip() for line in body).removeprefix("last failure").strip() == value
    assert all(line.startswith(" " * 21) for line in body[1:])


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("one two three", ["one two", "three"]),
        ("abcdefghijkl", ["abcdefgh", "ijkl"]),
        ("日本語日本語", ["日本語日", "本語"]),
    ],
)
def test_text_is_broken_at_blanks_where_there_are_any(text: str, lines: list[str]) -> None:
    assert wrap(text, 8) == lines


def test_only_nine_things_get_a_number_and_the_rest_is_still_named() -> None:
    parts = tuple(Goto(_node(f"node{n}"), Cell(f"node{n}")) for n in range(1, 13))
    page = lay_out((Block("B", parts),), 78, STYLES, UNICODE)
    assert len(page.goes) == 9
    assert page.goes[8] == _node("node9")
    assert page.lines[1].plain == "  1 node1"
    assert page.lines[12].plain == "    node12"


@pytest.mark.parametrize(
    ("age", "said"), [(None, "never"), (0.4, "just now"), (12.4, "12 s ago"), (250, "4m ago")]
)
def test_a_block_says_how_old_it_is(age: float | None, said: str) -> None:
    assert dated(age) == said
    page = lay_out((Block("Slots", (), "slots.sql", age),), 78, STYLES, UNICODE)
    assert page.lines[0].plain == f" Slots  slots.sql, {said}"
