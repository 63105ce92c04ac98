"""What the terminal can show, asked in one place for the screen and for plain pages."""

import os
from collections.abc import Mapping
from pathlib import Path


def ascii_only(*asked: bool) -> bool:
    """Whether nothing but ASCII may be written: asked for (--ascii, `ascii: true`), or because the locale
    promises no more (LANG=C and the like)."""
    if any(asked):
        return True
    given = _environment_given()
    named = given.get("LC_ALL") or given.get("LC_CTYPE") or given.get("LANG") or ""
    return "utf" not in named.lower()


def is_dumb() -> bool:
    """Whether the terminal says that it can do nothing but print lines."""
    return os.environ.get("TERM", "") in ("", "dumb", "unknown")


def term() -> str:
    """What the terminal says that it is, for a sentence: `TERM is dumb`, `TERM is not set`."""
    return f"TERM is {os.environ.get('TERM') or 'not set'}"


def _environment_given() -> Mapping[str, str]:
    """The environment as the process was given it: with LANG=C, Python sets LC_CTYPE=C.UTF-8 in its own."""
    try:
        raw = Path("/proc/self/environ").read_bytes()
    except OSError:
        return os.environ
    pairs = (entry.partition(b"=") for entry in raw.split(b"\0"))
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}
