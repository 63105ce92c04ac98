"""JSON that anybody may have written, read within bounds: of numbers, of nesting, of what it unfolds to."""

import json
from collections.abc import Callable
from typing import Any

_LARGEST = 2**63
MOST_VALUES = 400_000
"""In one text, by the brackets and commas that make them. A cluster of 50 nodes has 110,000; a text of
brackets alone takes twenty times its size in memory."""


def parse(text: bytes, *, constant: Callable[[str], Any] | None = None, most: int = MOST_VALUES) -> Any:
    """Parse one JSON text; raises ValueError that says what is wrong with it.

    NaN and Infinity are no JSON: `constant` may make something else of them. Numbers beyond 2^63, nesting
    that Python cannot follow, and more than `most` values are refused.
    """
    if text.count(b",") + text.count(b"[") + text.count(b"{") > most:
        raise ValueError(f"more than {most:,} values in one line")
    try:
        return json.loads(
            text, parse_constant=constant or _no_number, parse_int=_whole_number, parse_float=_number
        )
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _whole_number(text: str) -> int:
    if len(text) > 20:  # Python refuses thousands of digits, and takes long over hundreds of thousands
        raise ValueError(f"a number of {len(text)} digits is beyond all measure")
    number = int(text)
    _refuse_beyond_measure(number)
    return number


def _number(text: str) -> float:
    number = float(text)
    _refuse_beyond_measure(number)
    return number


def _refuse_beyond_measure(number: float) -> None:
    if not -_LARGEST <= number <= _LARGEST:
        raise ValueError("a number beyond all measure")
