"""Statements of others as they may be shown: without the passwords that stand in some of them. Pure."""

import re

from bdr_console.cluster.text import clean

_LONGEST = 200

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
    return clean(" ".join(masked.split()), _LONGEST - 1)
