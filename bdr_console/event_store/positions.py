"""The WAL positions that earlier looks at a cluster saw, on disk: for a one-shot that cannot wait.

Without them `status` knows of a lag only that it is older than the look itself. One small file for each
cluster, thinned the more the older its positions are. It is a memory, not a record: what cannot be read is
left out, and whoever cannot write it goes without.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bdr_console.cluster.history import History
from bdr_console.cluster.lag_time import Row, WalSeries
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import clean
from bdr_console.errors import ConsoleError
from bdr_console.event_store.files import alone, home_of
from bdr_console.paths import write_private

_NAME, _LOCK = "wal-positions.json", "wal-positions.lock"
_VERSION = 1
_LONGEST_FILE = 2**23
_MOST_ROWS = 1000
_LAST_LSN = 2**64
_LAST_MOMENT = 2.0**33


@dataclass(frozen=True, slots=True)
class Stored:
    """The positions of one node, and where it is: another server may get its name."""

    address: str
    rows: tuple[Row, ...]


class PositionFile:
    """Reads the positions of earlier looks once, and adds those of this one; every method may block for a
    moment. Raises nothing: `trouble` says why nothing is kept."""

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster
        self._known: Mapping[str, Stored] | None = None
        self._recalled: set[str] = set()
        self.trouble = ""
        """Why earlier positions are not known, or these will not be; empty when all is well."""

    def recall(self, history: History, snapshot: Snapshot) -> None:
        """Add to `history` what earlier looks saw of the nodes that `snapshot` shows, each once."""
        due = [node for node in snapshot.nodes if node.facts is not None and node.name not in self._recalled]
        if not due:
            return
        if self._known is None:
            self._known = self._read_or_none()
        for node in due:
            self._recalled.add(node.name)
            stored = self._known.get(node.name)
            if stored is not None and stored.address == node.address:
                history.wal(node.name).merge(stored.rows)

    def save(self, taken: Mapping[str, "Stored"]) -> None:
        """Write what was `taken`, and leave what others have written since."""
        try:
            home = home_of(self._cluster)
            with alone(home / _LOCK) as free:
                if not free:
                    return  # another console writes: the next time, then
                known = dict(_read(home / _NAME))
                for name, ours in taken.items():
                    series, before = WalSeries(), known.get(name)
                    series.merge(ours.rows)
                    if before is not None and before.address == ours.address:
                        series.merge(before.rows)
                    known[name] = Stored(ours.address, tuple(series.rows()))
                write_private(home / _NAME, _text_of(known))
            self.trouble = ""
        except (OSError, ConsoleError) as error:
            self.trouble = _why(error)

    def _read_or_none(self) -> Mapping[str, Stored]:
        try:
            return _read(home_of(self._cluster) / _NAME)
        except (OSError, ConsoleError) as error:
            self.trouble = _why(error)
            return {}


def taken(history: History, snapshot: Snapshot) -> dict[str, Stored]:
    """Take what `history` knows of the nodes of `snapshot`, to be saved."""
    return {
        node.name: Stored(node.address, tuple(rows))
        for node in snapshot.nodes
        if (rows := history.wal(node.name).rows())
    }


def _why(error: OSError | ConsoleError) -> str:
    return error.problem if isinstance(error, ConsoleError) else f"{error.filename}: {error.strerror}"


def _read(path: Path) -> Mapping[str, Stored]:
    """Raise OSError where it cannot be read, ConsoleError where a newer program has written it."""
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST_FILE + 1)
    except FileNotFoundError:
        return {}
    if len(data) > _LONGEST_FILE:
        return {}
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    version = found.get("version")
    if isinstance(version, int) and version > _VERSION:
        raise ConsoleError(
            f"{clean(path)} was written by a newer bdr-console and is left alone",
            "Use that version, or name another place in BDR_CONSOLE_STATE.",
        )
    nodes = found.get("nodes")
    if version != _VERSION or not isinstance(nodes, dict):
        return {}
    return {name: stored for name, value in nodes.items() if (stored := _stored(value)) is not None}


def _stored(value: Any) -> Stored | None:
    """One node's part; None for anything else."""
    if not isinstance(value, dict) or not isinstance(value.get("address"), str):
        return None
    rows = value.get("rows")
    if not isinstance(rows, list):
        return None
    found = [row for each in rows[-_MOST_ROWS:] if (row := _row(each)) is not None]
    return Stored(value["address"], tuple(found))


def _row(value: Any) -> Row | None:
    """[position, first moment, last moment], moments in seconds since 1970."""
    if not isinstance(value, list) or len(value) != 3:
        return None
    position, *moments = value
    if isinstance(position, bool) or not isinstance(position, int) or not 0 <= position < _LAST_LSN:
        return None
    if not all(isinstance(each, int | float) and 0 <= each < _LAST_MOMENT for each in moments):
        return None
    first, last = (datetime.fromtimestamp(each, UTC) for each in moments)
    return (position, first, last) if first <= last else None


def _text_of(known: Mapping[str, Stored]) -> str:
    nodes = {
        name: {
            "address": stored.address,
            "rows": [
                [position, round(first.timestamp(), 3), round(last.timestamp(), 3)]
                for position, first, last in stored.rows
            ],
        }
        for name, stored in known.items()
    }
    return json.dumps({"version": _VERSION, "nodes": nodes}, separators=(",", ":")) + "\n"
