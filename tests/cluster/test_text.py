"""Text from outside cannot touch the terminal; figures come in the field's units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bdr_console.cluster.text import clean, format_bytes, format_seconds


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("plain", "plain"),
        ("\x1b]52;c;ZXZpbA==\x07", "\\x1b]52;c;ZXZpbA==\\x07"),
        ("a\x00b\nc\x9bd", "a\\x00b\\x0ac\\x9bd"),
        ("user\u202egnp.exe", "user\\u202egnp.exe"),
        (b"caf\xe9", "caf\\xe9"),
        ("[red]not markup[/]", "[red]not markup[/]"),
        (None, "None"),
    ],
)
def test_control_characters_become_visible(raw: object, safe: str) -> None:
    assert clean(raw) == safe


@given(st.text())
def test_no_text_keeps_a_control_character(raw: str) -> None:
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in clean(raw))


def test_a_megabyte_is_cut() -> None:
    assert len(clean("x" * 1_000_000)) == 4097


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (None, "unknown"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (48 * 1024**2, "48.0 MiB"),
        (5e14, "455 TiB"),
    ],
)
def test_bytes_in_binary_units(count: float | None, shown: str) -> None:
    assert format_bytes(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "unknown"), (0, "0 ms"), (0.0123, "12 ms"), (0.9999, "1.0 s"), (59.96, "1m 00s"),
        (184, "3m 04s"), (3660, "1h 01m"), (90061, "1d 01h"),
    ],
)  # fmt: skip
def test_seconds_in_readable_steps(seconds: float | None, shown: str) -> None:
    assert format_seconds(seconds) == shown
