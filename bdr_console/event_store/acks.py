"""Who has acknowledged which alarm of one cluster, on disk: for the next console and for colleagues."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bdr_console.cluster.text import clean
from bdr_console.cluster.verdict.alarm import Ack
from bdr_console.cluster.verdict.findings import Key, Level
from bdr_console.event_store.files import alone, home_of
from bdr_console.event_store.record import level_word
from bdr_console.paths import write_private

_NAME, _LOCK = "acks.json", "acks.lock"
_VERSION = 1
_LONGEST_FILE = 2**20
_LEVELS = {level_word(level): level for level in Level}


class BrokenAcksError(Exception):
    """The file could not be understood and was set aside; the argument says where it is now."""


class AckFile:
    """Reads and writes; every method may block for a moment, and is called from a thread."""

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster
        self._seen: tuple[int, int, int] | None = None

    def changed(self) -> dict[Key, Ack] | None:
        """What stands there, if anybody has changed it since the last look; None when nobody has.

        Raises BrokenAcksError, OSError, ConsoleError.
        """
        home = home_of(self._cluster)
        stamp = _stamp(home / _NAME)
        if stamp == self._seen:
            return None
        self._seen = stamp
        return self._read(home)

    def write(self, put: Mapping[Key, Ack], remove: Iterable[Key]) -> None:
        """Change these, leave the others as they are. Raises BrokenAcksError, OSError, ConsoleError."""
        home = home_of(self._cluster)
        with alone(home / _LOCK):
            known = self._read(home)
            before = dict(known)
            for key in remove:
                known.pop(key, None)
            known |= put
            if known == before:
                return
            write_private(home / _NAME, text_of(known))
        self._seen = None

    def _read(self, home: Path) -> dict[Key, Ack]:
        path = home / _NAME
        try:
            with path.open("rb") as file:
                data = file.read(_LONGEST_FILE + 1)
        except FileNotFoundError:
            return {}
        found = acks_of(data) if len(data) <= _LONGEST_FILE else None
        if found is None:
            aside = home / f"acks.broken-{datetime.now(UTC):%Y%m%dT%H%M%S}.json"
            path.replace(aside)
            self._seen = None
            raise BrokenAcksError(str(aside))
        return found


def text_of(acks: Mapping[Key, Ack]) -> bytes:
    """The file's text."""
    told = [
        {
            "code": ack.key[0],
            "subject": ack.key[1],
            "level": level_word(ack.level),
            "who": ack.who,
            "reason": ack.reason,
            "at": ack.at.isoformat(),
            "until": ack.until.isoformat() if ack.until else None,
        }
        for ack in acks.values()
    ]
    return json.dumps({"v": _VERSION, "acks": told}, indent=1).encode() + b"\n"


def acks_of(data: bytes) -> dict[Key, Ack] | None:
    """What the file says; None when it is none of ours."""
    try:
        told = json.loads(data)
        if told["v"] != _VERSION:
            return None
        acks = [_ack(one) for one in told["acks"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return {ack.key: ack for ack in acks}


def _ack(told: Any) -> Ack:
    """Raises ValueError, KeyError, TypeError for anything that no console writes."""
    code, subject, who, reason = (_text(told[name]) for name in ("code", "subject", "who", "reason"))
    until = None if told["until"] is None else _moment(told["until"])
    level: Level = _LEVELS[told["level"]]
    return Ack((code, subject), level, who, reason, _moment(told["at"]), until)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return clean(value, 500)


def _moment(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None or not 2000 <= moment.year < 2200:
        raise ValueError("a moment without a zone, or out of all time")
    return moment.astimezone(UTC)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return (found.st_mtime_ns, found.st_ino, found.st_size)
