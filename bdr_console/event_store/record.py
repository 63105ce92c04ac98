"""One line of the event log: JSON, made of what the screen says; what else stands there is passed over."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from bdr_console.cluster.text import clean
from bdr_console.cluster.verdict.changes import Event
from bdr_console.cluster.verdict.findings import Level

VERSION = 1
_WORDS = {Level.OK: "ok", Level.UNKNOWN: "unknown", Level.WARN: "warn", Level.CRIT: "crit"}
_LEVELS = {word: level for level, word in _WORDS.items()}
_LONGEST = {"subject": 300, "text": 2000, "code": 200, "by": 200}
_YEARS = range(2000, 2200)


@dataclass(frozen=True, slots=True)
class Record:
    """An event, and which console wrote it."""

    event: Event
    by: str = ""
    """user@host:pid."""


def level_word(level: Level) -> str:
    """ok, unknown, warn or crit."""
    return _WORDS[level]


def line_of(record: Record) -> bytes:
    """The record as one line, with its end."""
    return json.dumps(as_data(record), ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def as_data(record: Record) -> dict[str, object]:
    """The record as it stands in the log: what `events --json` prints."""
    event = record.event
    return {
        "v": VERSION,
        "t": event.at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "level": _WORDS[event.level],
        "subject": clean(event.subject, _LONGEST["subject"]),
        "text": clean(event.text, _LONGEST["text"]),
        "code": clean(event.code, _LONGEST["code"]),
        "by": clean(record.by, _LONGEST["by"]),
    }


def record_of(line: bytes) -> Record | None:
    """One line of a log; None for one that no console has written so."""
    try:
        told = json.loads(line)
        if not isinstance(told, dict) or not isinstance(told.get("v"), int):
            return None
        at = datetime.fromisoformat(told["t"])
        if at.tzinfo is None or at.year not in _YEARS:
            return None
        level = _LEVELS[told["level"]]
        texts = {name: told.get(name, "") for name in _LONGEST}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not all(isinstance(text, str) for text in texts.values()) or not texts["text"]:
        return None
    safe = {name: clean(text, _LONGEST[name]) for name, text in texts.items()}
    return Record(Event(at.astimezone(UTC), level, safe["subject"], safe["text"], safe["code"]), safe["by"])
