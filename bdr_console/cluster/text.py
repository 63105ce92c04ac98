"""Text from outside made safe once, and figures in the field's units."""

import re
from datetime import datetime

# C0 and C1 controls, and the characters that reorder or hide what stands beside them.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_LONGEST = 4096


def clean(value: object, longest: int = _LONGEST) -> str:
    """`value` as text that cannot move the cursor, change the terminal or hide itself.

    Control, bidirectional and zero-width characters become a visible `\\xNN` or `\\uNNNN`; text over
    `longest` characters is cut with an ellipsis. Call it where a row becomes a type, and only there.
    """
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    cut = text[:longest]
    safe = _UNSAFE.sub(lambda m: f"\\x{ord(m[0]):02x}" if ord(m[0]) < 256 else f"\\u{ord(m[0]):04x}", cut)
    return safe if len(text) <= longest else safe + "…"


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
