"""Inputs that look like what a parser knows, with something wrong in them."""

from hypothesis import strategies as st

PIECES = (
    b"\x1b]0;owned\x07",
    b"\x1b[2J",
    b"\x9b31m",
    "\u202eevil\u2066".encode(),
    "\u4e2d\u6587\U0001f600".encode(),
    b"e" + "\u0301".encode() * 40,
    b"\xff\xfe\x00",
    b"\xed\xa0\x80",
    b"\\ud800",
    b"[bold red]x[/]",
    b";disable server bk_db/a",
    b"\n",
    b"\r",
    b"\x0b\x1c\x85",
    b"'",
    b'"',
    b",",
    b" ",
    b"null",
    b"[]",
    b"{}",
    b"-1",
    "\u00b2\u0663".encode(),
    b"9" * 5000,
    b"1e999",
    b"NaN",
    b"0001-01-01T00:00:00",
    b"9999-12-31T23:59:59+14:00",
    b"x" * 100_000,
    b"[" * 3000,
    b"&a [*a, *a]",
)


@st.composite
def mutated(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """A known text with pieces put in, taken out or doubled."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        end = draw(st.integers(at, min(len(data), at + 40)))
        how = draw(st.sampled_from(("put", "replace", "cut", "double")))
        piece = draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=8)))
        middle = {"put": piece + data[at:end], "replace": piece, "cut": b"", "double": data[at:end] * 2}[how]
        data = data[:at] + middle + data[end:]
    return data


def inputs(seeds: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """Mostly nearly right, sometimes anything at all."""
    return st.one_of(mutated(seeds), mutated(seeds), mutated(seeds), st.binary(max_size=300))
