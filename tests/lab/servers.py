"""What the lab's tests ask real servers and the machine, without going through the lab's own code."""

from pathlib import Path
from typing import Any

import psycopg

from bdr_console.lab import Lab


def ask(lab: Lab, node: str, query: str, *values: object, user: str = "postgres") -> list[tuple[Any, ...]]:
    """Rows of one query, straight from a node."""
    port = lab.layout.node(node).port
    with psycopg.connect(lab.layout.dsn(port, user), autocommit=True, connect_timeout=5) as connection:
        cursor = connection.execute(query.encode(), values)
        return cursor.fetchall() if cursor.description else []


def processes_in(directory: Path) -> dict[int, str]:
    """Living processes that work in `directory` or name it on their command line: pid and command line."""
    found = {}
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            if "\nState:\tZ" in (process / "status").read_text():
                continue
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            inside = (process / "cwd").readlink().is_relative_to(directory)
        except OSError:
            continue
        if inside or f"{directory}/" in command:
            found[int(process.name)] = command
    return found
