"""Text from outside cannot touch the terminal; figures come in the field's units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bdr_console.cluster.text import clean, format_bytes, format_seconds, whole


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("plain", "plain"),
        ("\x1b]52;c;ZXZpbA==\x07", "\\x1b]52;c;ZXZpbA==\\x07"),
        ("a\x00b\nc\x9bd", "a\\x00b\\x0ac\\x9bd"),
        ("user\u202egnp.exe", "user\\u202egnp.exe"),
        (b"caf\xe9", "caf\\xe9"),
        ("[red]not markup[/]", "[red]not markup[/]"),
        ("soft\u00adhyphen", "soft\\xadhyphen"),
        ("\u2764\ufe0f \U0001f1e9\U0001f1ea", "\u2764\\ufe0f \\U0001f1e9\\U0001f1ea"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("z" + "\u0301" * 5, "z\u0301\u0301\u0301\\u0301\\u0301"),
        ("| \u0301", "| \\u0301"),
        (
            "\u0939\u093f\u0902\u0926\u0940 \u05e9\u05dc\u05d5\u05dd \u4e2d\u6587",
            "\u0939\u093f\u0902\u0926\u0940 \u05e9\u05dc\u05d5\u05dd \u4e2d\u6587",
        ),
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


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", 12), ("", None), (None, None), ("-1", None), ("1_0", None), ("\u00b2", None), ("9" * 5000, None)],
)
def test_only_digits_of_a_sensible_length_are_a_number(text: str | None, number: int | None) -> None:
    assert whole(text) == number
