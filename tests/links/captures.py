"""Texts that real servers answered, by version (tests/captures)."""

import csv
from pathlib import Path

CAPTURES = Path(__file__).parent.parent / "captures"
HAPROXY_VERSIONS = ("1.5.0", "1.6.0", "1.8.0", "2.0.0", "2.2.0", "2.4.0", "2.8.0", "3.0.0", "3.2.0", "3.4.0")
PGBOUNCER_VERSIONS = ("1.8.1", "1.9.0", "1.12.0", "1.16.1", "1.21.0", "1.24.1", "1.25.2")


def text(*parts: str) -> str:
    """One captured answer."""
    return CAPTURES.joinpath(*parts).read_text(encoding="utf-8")


def rows(*parts: str) -> list[dict[str, str]]:
    """One captured SHOW of PgBouncer's console."""
    with CAPTURES.joinpath(*parts).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
