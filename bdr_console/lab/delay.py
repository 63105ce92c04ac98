"""How replication lag on purpose is asked for: a link, and how late it is to apply. Pure."""

from bdr_console.errors import ConsoleError

DEFAULT_MS = 1000
_LONGEST_MS = 60_000


def parse(target: str) -> tuple[str, int]:
    """`node1:node2=100` -> the link and the delay in milliseconds; 1000 when none is named."""
    link, equals, text = target.partition("=")
    if not equals:
        return link.strip(), DEFAULT_MS
    if not text.strip().isdigit() or not 0 < int(text) <= _LONGEST_MS:
        raise ConsoleError(
            f"'{text.strip()}' is no delay", f"Write milliseconds from 1 to {_LONGEST_MS}: node1:node2=100."
        )
    return link.strip(), int(text)
