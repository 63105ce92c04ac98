"""The lines of a recording: snapshots whole or as what changed, events, lines of runs' journals.

Writing gives JSON text; reading trusts nothing: strict shapes, finite numbers of sensible size, text made
safe, moments that exist.
"""

import json
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from math import isfinite
from types import NoneType
from typing import Annotated, Any, Literal, NotRequired, get_args, get_origin, get_type_hints

from pydantic import AfterValidator, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.poolers import PoolerFacts
from bdr_console.cluster.proxies import ProxyFacts
from bdr_console.cluster.text import clean
from bdr_console.cluster.verdict.changes import Event
from bdr_console.cluster.verdict.findings import Level, Thresholds
from bdr_console.recording import json_text

FORMAT, VERSION = "bdr-console recording", 1
LINE_LIMIT = 8 * 2**20
"""Bytes of one line."""
EVENT_LIMIT, RUN_LIMIT = 2**16, 2 * 2**20
"""Bytes of a line of those kinds."""
KINDS = ("nodes", "proxies", "poolers")
_YEARS = range(2000, 2200)


@dataclass(frozen=True, slots=True)
class Header:
    """What a recording says of itself before anything else."""

    cluster: str
    environment: str
    began: datetime
    thresholds: Thresholds
    """What was judged by while it was recorded."""
    program: str = ""
    """The version of the console that wrote it."""
    format: str = FORMAT
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class RunLine:
    """One line of a run's journal."""

    run: str
    number: int
    """Its place in that journal; a line may be recorded twice."""
    at: datetime
    line: dict[str, Any]


@cache
def observed(kind: str) -> "TypeAdapter[Observed[Any]]":
    """The shape of one target of that kind."""
    shapes: dict[str, Any] = {
        "nodes": Observed[NodeFacts],
        "proxies": Observed[ProxyFacts],
        "poolers": Observed[PoolerFacts],
    }
    return TypeAdapter(shapes[kind])


@cache
def header_shape() -> TypeAdapter[Header]:
    """The shape of a header."""
    return TypeAdapter(Header)


def sensible(moment: datetime) -> datetime:
    """The same moment; ValueError for one without a zone, or out of all time."""
    if moment.tzinfo is None or moment.year not in _YEARS:
        raise ValueError("a moment without a zone, or out of all time")
    return moment


Moment = Annotated[datetime, AfterValidator(sensible)]


@with_config(extra="forbid")
class _EventLine(TypedDict):
    at: Moment
    level: Annotated[int, Field(ge=min(Level), le=max(Level))]
    subject: str
    text: str
    code: NotRequired[str]


@with_config(extra="forbid")
class _RunPart(TypedDict):
    id: str
    n: Annotated[int, Field(ge=0)]
    at: Moment
    line: dict[str, Any]


@with_config(extra="forbid")
class _Whole(TypedDict):
    cluster: str
    environment: str
    taken_at: Moment
    refresh: Annotated[float, Field(gt=0, le=86400)]
    schema: int
    nodes: list[dict[str, Any]]
    proxies: list[dict[str, Any]]
    poolers: list[dict[str, Any]]


@with_config(extra="forbid")
class _Change(TypedDict):
    at: Moment
    refresh: Annotated[float, Field(gt=0, le=86400)]
    changed: dict[str, dict[str, Any]]


@cache
def shape(kind: str) -> "TypeAdapter[Any]":
    """The shape of what stands under that word of a line."""
    shapes: dict[str, Any] = {"event": _EventLine, "run": _RunPart, "snapshot": _Whole, "change": _Change}
    return TypeAdapter(shapes[kind])


def refuse_unsound(value: Any) -> None:
    """Raise ValueError unless every moment and every number in it can be reckoned with."""
    if isinstance(value, datetime):
        sensible(value)
    elif isinstance(value, float):
        if not isfinite(value):  # a text may say so too: "nan"
            raise ValueError(f"{value} is no number")
    elif isinstance(value, tuple):
        for item in value:
            refuse_unsound(item)
    else:
        for name in _doubtful_fields(type(value)):  # type: ignore[arg-type]  # mypy: type[Any] is not Hashable
            refuse_unsound(getattr(value, name))


@cache
def _doubtful_fields(kind: type) -> tuple[str, ...]:
    """The fields of a dataclass that may hold a moment or a fraction. Most hold neither: going through every
    value of every target took two thirds of the time in which a recording is read."""
    if not is_dataclass(kind):
        return ()
    hints = get_type_hints(kind)
    return tuple(field.name for field in fields(kind) if not _is_plain(hints[field.name]))


def _is_plain(hint: Any) -> bool:
    """Return whether nothing but texts, whole numbers and words of an enumeration can be there."""
    if get_origin(hint) is Literal:
        return True
    if parts := get_args(hint):
        return all(_is_plain(part) for part in parts if part is not ...)
    return isinstance(hint, type) and issubclass(hint, str | int | Enum | NoneType)


def line_of(word: str, value: Any) -> bytes:
    """One line of a recording."""
    text = json.dumps({word: value}, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def event_line(event: Event) -> bytes:
    """An event as a line."""
    told = {**asdict(event), "at": event.at.isoformat(), "level": int(event.level)}
    return line_of("event", told)


def run_line(line: RunLine) -> bytes:
    """A line of a journal as a line."""
    told = {"id": line.run, "n": line.number, "at": line.at.isoformat(), "line": line.line}
    return line_of("run", told)


def parsed(line: bytes) -> tuple[str, Any]:
    """The word of a line and what stands under it, made safe; raises ValueError."""
    told = json_text.parse(line)
    if not isinstance(told, dict) or len(told) != 1:
        raise ValueError("not a line of a recording")
    word, value = next(iter(told.items()))
    return word, value if word == "run" else safe(value)


def read_event(value: Any) -> Event:
    """The event of a line; raises ValueError."""
    told = shape("event").validate_python(value)
    return Event(told["at"], Level(told["level"]), told["subject"], told["text"], told.get("code", ""))


def read_run(value: Any) -> RunLine:
    """The line of a journal; raises ValueError."""
    told = shape("run").validate_python(value)
    return RunLine(clean(told["id"]), told["n"], told["at"], told["line"])


def safe(value: Any) -> Any:
    """The same with every text made safe for a screen."""
    if isinstance(value, str):
        return value if value.isascii() and value.isprintable() and len(value) <= 4096 else clean(value)
    if isinstance(value, list):
        return [safe(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): safe(item) for key, item in value.items()}
    return value
