"""Text from outside made safe once, and figures in the field's units."""

import re
import unicodedata
from datetime import datetime

from bdr_console.errors import ConsoleError

# C0 and C1 controls; what reorders, hides or is not seen; selectors, modifiers and flags, on whose width no
# two terminals agree; private use, which every font draws as it likes; halves of characters.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff\U000e0000-\U0010ffff]"
)
_LONGEST = 4096
_HIGHEST_STACK = 3
"""Marks that one letter may bear: enough for every living language, too few to paint over other lines."""
_SECRET = re.compile(
    r"""(password["']?\s*(?:[=:]\s*|(?=['"])))('[^']*'|"[^"]*"|[^\s&"']+)"""  # DSN, JSON, ALTER ROLE
    r"""|(://[^/@\s:]*:)[^@/\s]+(?=@)"""  # URI
    r"""|(SCRAM-SHA-256\$|\bmd5(?=[0-9a-f]{32}))[^\s'"]+""",  # what pg_authid holds
    re.IGNORECASE,
)
_DIGITS = re.compile(r"[0-9]{1,18}")


def clean(value: object, longest: int = _LONGEST) -> str:
    """`value` as text that cannot move the cursor, change the terminal, hide itself or take another width
    than it seems to.

    Control, bidirectional, zero-width and piled-up combining characters become a visible `\\xNN`, `\\uNNNN`
    or `\\UNNNNNNNN`; text over `longest` characters is cut with an ellipsis. Call it where a row becomes a
    type, and only there.
    """
    if isinstance(value, bytes):
        text = value[: 4 * longest + 4].decode("utf-8", "backslashreplace")
    else:
        text = str(value)
    safe = _UNSAFE.sub(lambda match: _escaped(match[0]), text[:longest])
    if not safe.isascii():
        safe = _unpiled(safe)
    return safe if len(text) <= longest else safe + "…"


def _escaped(character: str) -> str:
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _unpiled(text: str) -> str:
    """Combining marks only where a letter bears them, and not many on one."""
    shown, room = [], 0
    for character in text:
        kind = unicodedata.category(character)
        if kind in ("Mn", "Me"):
            shown.append(character if room > 0 else _escaped(character))
            room -= 1
            continue
        shown.append(character)
        if kind != "Mc":  # a mark that takes room of its own still belongs to the letter before it
            room = _HIGHEST_STACK if character.isalpha() else 0
    return "".join(shown)


def masked(text: str) -> str:
    """`text` with the passwords masked that an error of a server or a library may quote."""
    return _SECRET.sub(lambda m: (m[1] or m[3] or m[4]) + "***", text)


def whole(text: str | None) -> int | None:
    """The number that a server wrote; None for anything that is not 1 to 18 digits."""
    return int(text) if text and _DIGITS.fullmatch(text) else None


def counted(count: int, noun: str) -> str:
    """`1 server connection`, `3 server connections`."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


def format_bytes(count: int | float | None) -> str:
    """1536 -> `1.5 KiB`; None -> `unknown`."""
    if count is None:
        return "unknown"
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(size) < 1024 or unit == "TiB":
            return f"{size:.0f} {unit}" if unit == "B" or abs(size) >= 100 else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError("unreachable")


def format_seconds(seconds: float | None) -> str:
    """0.0123 -> `12 ms`, 1.24 -> `1.2 s`, 184 -> `3m 04s`, 90061 -> `1d 01h`; None -> `unknown`."""
    if seconds is None:
        return "unknown"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}d {hour:02d}h"
    if hours:
        return f"{hours}h {minute:02d}m"
    return f"{minutes}m {second:02d}s"


def format_clock(moment: datetime) -> str:
    """The local wall clock, to the second."""
    return moment.astimezone().strftime("%H:%M:%S")


def listed(names: list[str] | tuple[str, ...]) -> str:
    """`node1`, `node1 and node2`, `node1, node2 and node3`."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


_LONGEST_QUERY = 200

# Statements are shown, journaled and recorded: what they say of passwords is masked before anything sees it.
_PASSWORD = re.compile(
    r"(password\s*(?:=>|:=|[=:])?\s*|identified\s+by\s+)(?:e?'(?:[^']|'')*'?|\$(\w*)\$.*?(?:\$\2\$|$)|(?<=[=:])\s*[^\s;&']+)"
    r"|(://[^/@\s:]+:)[^@/\s]+(?=@)",
    re.IGNORECASE | re.DOTALL,
)


def query_text(query: object) -> str:
    """A statement as it may be shown: passwords masked, on one line, cut at 200 characters. It may come as
    bytes, from a session whose database has another encoding."""
    text = query.decode("utf-8", "backslashreplace") if isinstance(query, bytes) else str(query or "")
    masked = _PASSWORD.sub(lambda m: f"{m[1] or m[3]}***", text)
    return clean(" ".join(masked.split()), _LONGEST_QUERY - 1)


_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_PART = r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(min|[smhd])"
_WHOLE = re.compile(rf"{_PART}(?:\s*{_PART})*")
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?")
_LONGEST_DURATION = 366 * 86400.0
_EXAMPLES = "Write seconds, or for example 90s, 15m, 1h30m."


def parse_duration(text: str) -> float:
    """Return the seconds that `90`, `90s`, `1.5s`, `15m`, `1h30m` or `2d` stand for, a year at most. Raises
    ConsoleError for anything else."""
    bare = text.strip()
    seconds = float(bare) if _NUMBER.fullmatch(bare) else _sum(bare)
    if seconds is None:
        raise ConsoleError(f"'{clean(text, 40)}' is no duration", _EXAMPLES)
    if seconds > _LONGEST_DURATION:
        raise ConsoleError(f"{clean(text, 40)} is longer than a year", _EXAMPLES)
    return seconds


def span(text: str) -> float | None:
    """Return the seconds of a duration with its units, `10m` or `1h30m`, where a number alone could be
    something else; None for anything else, and for more than a year."""
    seconds = _sum(text.strip())
    return seconds if seconds is not None and seconds <= _LONGEST_DURATION else None


def _sum(text: str) -> float | None:
    if not _WHOLE.fullmatch(text):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, text))
