"""Lengths of time as people type them: the one parser of options, dialogs and jumps. Pure."""

import re

from bdr_console.cluster.text import clean
from bdr_console.errors import ConsoleError

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_PART = r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(min|[smhd])"
_WHOLE = re.compile(rf"{_PART}(?:\s*{_PART})*")
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?")
_LONGEST = 366 * 86400.0
_EXAMPLES = "Write seconds, or for example 90s, 15m, 1h30m."


def parse_duration(text: str) -> float:
    """Return the seconds that `90`, `90s`, `1.5s`, `15m`, `1h30m` or `2d` stand for, a year at most. Raises
    ConsoleError for anything else."""
    bare = text.strip()
    seconds = float(bare) if _NUMBER.fullmatch(bare) else _sum(bare)
    if seconds is None:
        raise ConsoleError(f"'{clean(text, 40)}' is no duration", _EXAMPLES)
    if seconds > _LONGEST:
        raise ConsoleError(f"{clean(text, 40)} is longer than a year", _EXAMPLES)
    return seconds


def span(text: str) -> float | None:
    """Return the seconds of a duration with its units, `10m` or `1h30m`, where a number alone could be
    something else; None for anything else, and for more than a year."""
    seconds = _sum(text.strip())
    return seconds if seconds is not None and seconds <= _LONGEST else None


def _sum(text: str) -> float | None:
    if not _WHOLE.fullmatch(text):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, text))
