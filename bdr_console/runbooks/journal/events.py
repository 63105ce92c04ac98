"""A journal's lines as events: text made safe, and of the shape that runners write.

A journal is a file. A full disk tears its lines, an older version writes fewer fields, and whoever can write
to it can put anything there: what does not fit is passed over here, so that nothing behind needs to doubt it.
"""

import re
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, NotRequired

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from bdr_console.cluster.text import clean
from bdr_console.recording import json_text
from bdr_console.runbooks.model.run import Outcome, Proof, RunStatus, StepStatus

_AS_WRITTEN = ("plan", "answer")
"""A plan is compared and carried out, an answer is reported exactly as it came; neither is shown as it is."""
_LONG = 4000
"""Characters; a longer text may have to be cut, as all text from outside is."""
_RUN_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,230}")
_YEARS = range(2000, 2200)
_MOST_VALUES = 100_000
"""Of one event; the plan of a large cluster has some thousand."""


def event_of(line: bytes) -> dict[str, Any] | None:
    """One line of a journal; None for one that no runner has written so."""
    try:
        # Infinity and NaN are no JSON, and nothing that is counted here can be so large.
        event = json_text.parse(line, constant=lambda _: None, most=_MOST_VALUES)
        if not isinstance(event, dict) or not isinstance(event.get("event"), str):
            return None
        event = {clean(key): value if key in _AS_WRITTEN else _safe(value) for key, value in event.items()}
        _shape(event["event"]).validate_python(event)
    except (ValueError, RecursionError):  # ValidationError and UnicodeDecodeError are ValueErrors
        return None
    return event


def _safe(value: Any) -> Any:
    if isinstance(value, str):
        plain = len(value) <= _LONG and value.isascii() and value.isprintable()
        return value if plain else clean(value.replace("\n", " "))
    if isinstance(value, list):
        return [_safe(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): _safe(item) for key, item in value.items()}
    return value


def run_id(text: str) -> str:
    """`text`, if a run may be called so; raises ValueError. It is the name of a directory, and words that are
    read from a journal lead there."""
    if not _RUN_ID.fullmatch(text):
        raise ValueError("no run is called so")
    return text


def _a_moment(text: str) -> str:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or moment.year not in _YEARS:
        raise ValueError("a moment without a zone, or out of all time")
    return text


def _of(kind: type[StrEnum]) -> AfterValidator:
    """The words of `kind`. Not the class itself: pydantic looks at a validator's signature to see whether it
    takes one argument or two, and from Python 3.13 on that of an enumeration's class is another one."""

    def one_of_them(word: str) -> StrEnum:
        return kind(word)

    return AfterValidator(one_of_them)


Moment = Annotated[str, AfterValidator(_a_moment)]
Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
_STRICT = ConfigDict(strict=True, extra="allow")


class _Command(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    host: str
    text: str


class _Planned(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    key: str
    title: str
    commands: list[_Command]
    undo: list[_Command]
    deadline: NotRequired[Seconds | None]
    condition: NotRequired[str]
    no_return: NotRequired[bool]


class _Dated(TypedDict):
    """What every event has."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    t: Moment


class _Line(_Dated):
    steps: NotRequired[list[_Planned]]
    """What a report takes titles from, whatever the event."""


class _Holder(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    id: str
    pooler: str
    database: str
    application: str
    client: str | None
    state: str
    node: str | None
    pid: int | None
    backend_start: str | None
    transaction_age: Seconds | None
    query: str
    client_id: str | None
    user: str
    may_not: str


class _Check(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    title: str
    outcome: Annotated[str, _of(Outcome)]
    seen: str
    why: NotRequired[str]
    remedy: NotRequired[str]


class _Offer(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    word: str
    label: str
    commands: NotRequired[list[_Command]]


class _Begun(_Dated):
    run: Annotated[str, AfterValidator(run_id)]
    runbook: str
    cluster: str
    environment: str
    node: str
    who: str
    reason: NotRequired[str]
    steps: list[_Planned]
    nodes: NotRequired[list[str]]
    left: NotRequired[list[str]]
    until: NotRequired[str | None]
    """Any text: a date that is none does not make the whole run vanish."""


class _Turn(_Dated):
    node: str
    steps: list[_Planned]
    left: NotRequired[list[str]]


class _Checks(_Line):
    checks: list[_Check]


class _Look(_Line):
    step: str
    lines: list[str]
    holders: NotRequired[list[_Holder]]
    proof: NotRequired[Annotated[str, _of(Proof)] | None]
    alarm: NotRequired[str]


class _Step(_Line):
    step: str
    status: Annotated[str, _of(StepStatus)]
    deadline: NotRequired[Seconds | None]
    lines: NotRequired[list[str]]
    holders: NotRequired[list[_Holder]]
    proof: NotRequired[Annotated[str, _of(Proof)] | None]
    alarm: NotRequired[str]


class _Status(_Line):
    status: NotRequired[Annotated[str, _of(RunStatus)]]
    message: NotRequired[str]
    offers: NotRequired[list[_Offer]]


class _Ended(_Line):
    status: Annotated[str, _of(RunStatus)]
    message: str
    leftovers: NotRequired[list[str]]


class _Said(_Line):
    text: str


class _Resume(_Line):
    who: str
    message: str


class _Word(_Line):
    word: str
    who: str
    accepted: bool
    text: str


class _Sent(_Line):
    step: str
    host: str
    command: str
    answer: NotRequired[str]
    error: NotRequired[str]
    why: NotRequired[str]


class _Refused(_Line):
    step: str
    reasons: list[str]


class _Signal(_Line):
    signal: str
    text: str


class _HoldCommand(_Line):
    command: str


class _HoldCommandEnd(_HoldCommand):
    exit_code: int | None


class _Act(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    step: str
    host: str
    command: str


class _Taken(_Line):
    acts: list[_Act]


class _Felt(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    looks: int
    missed: int
    clients: int
    waiting: int
    max_wait: Seconds
    waited: float | None
    transactions: int | None


def _counted(before_and_after: list[int | None]) -> list[int | None]:
    if before_and_after[0] is None:
        raise ValueError("only the second figure may be missing")
    return before_and_after


class _Impact(_Line):
    node: str
    way: str
    since: Moment
    every: Seconds
    poolers: dict[str, _Felt]
    sessions: dict[
        str, Annotated[list[int | None], Field(min_length=2, max_length=2), AfterValidator(_counted)]
    ]


class _Cut(_Line):
    step: str
    proxy: str
    command: str
    servers: str
    before: int
    ended: int | None


_SHAPES: dict[str, Any] = {
    "run": _Begun,
    "turn": _Turn,
    "turn-end": _Ended,
    "checks": _Checks,
    "evidence": _Look,
    "step": _Step,
    "status": _Status,
    "end": _Ended,
    "alarm": _Said,
    "lock": _Said,
    "unattended": _Said,
    "resume": _Resume,
    "word": _Word,
    "intent": _Sent,
    "answer": _Sent,
    "error": _Sent,
    "closed": _Sent,
    "refused": _Refused,
    "signal": _Signal,
    "command": _HoldCommand,
    "command-end": _HoldCommandEnd,
    "taken": _Taken,
    "impact": _Impact,
    "cut": _Cut,
}


def _shape(kind: str) -> TypeAdapter[Any]:
    """The shape of an event of that kind; of one that is not known here no more than its date."""
    return _adapter(kind if kind in _SHAPES else "")


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(_SHAPES.get(kind, _Line))
