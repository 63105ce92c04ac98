"""The first line of the head: what stays when it is narrow."""

from dataclasses import replace

import pytest

from bdr_console.ui.text.status import Status, top_line
from bdr_console.ui.theming.styles import DEFAULTS, UNICODE, Styles, Tone
from tests.ui.scenes import NOW

STYLES = Styles(DEFAULTS, ansi=True)
STATUS = Status("shop", "prod-eu", True, 1.0, NOW, None, None, traffic="traffic to node1, 10 sess")


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (120, ["PROD-EU", "bdr-console", "shop", "READ-ONLY", "traffic to node1", "every 1 s"]),
        (58, ["PROD-EU", "shop", "READ-ONLY", "traffic to node1"]),
        (40, ["PROD-EU", "shop", "READ-ONLY"]),
        (20, ["PROD-EU", "shop"]),
    ],
)
def test_the_least_important_words_leave_first(width: int, said: list[str]) -> None:
    line = top_line(STATUS, STYLES, UNICODE, width).plain
    assert [word for word in said if word not in line] == []
    for left in {"bdr-console", "every 1 s", "traffic to node1"} - set(said):
        assert left not in line


def test_production_is_in_reverse_from_end_to_end_and_nothing_else_is() -> None:
    line = top_line(STATUS, STYLES, UNICODE, 80)
    assert line.cell_len == 80
    assert (line.spans[0].start, line.spans[0].end) == (0, 80)
    assert line.spans[0].style == STYLES[Tone.PROD]
    assert STYLES[Tone.PROD].reverse
    lab = top_line(replace(STATUS, environment="lab"), STYLES, UNICODE, 80)
    assert STYLES[Tone.PROD] not in [span.style for span in lab.spans]
    assert "lab" in lab.plain


def test_read_only_stands_out_from_the_bar_of_production() -> None:
    line = top_line(STATUS, STYLES, UNICODE, 80)
    upright = [line.plain[span.start : span.end].strip() for span in line.spans[1:]]
    assert "READ-ONLY" in upright
