"""The maintenance hold: a state with an owner, a reason and an expected end, watched until it is over."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bdr_console.cluster.durations import parse_duration
from bdr_console.cluster.proxies import ServerState
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.reading import Part, Reading
from bdr_console.runbooks.seen import Subject, error_of, in_maintenance, state_line, usable_others
from bdr_console.runbooks.step import Observation, Proof, Step, StepPlan, World

_LONGEST = timedelta(days=366)
"""No maintenance takes longer; a date beyond it is a slip of the keyboard."""


@dataclass(frozen=True, slots=True)
class HoldTerms:
    """Whose the hold is, what for, and until when it should be over."""

    owner: str = ""
    reason: str = ""
    until: datetime | None = None
    """With its zone; None when no end was named."""


def expected_end(text: str, now: datetime | None = None) -> datetime:
    """`2h` from now, `04:30` on the local clock (the next one), or an ISO 8601 time, local unless it has a
    zone. Raises ConsoleError for anything else, and for a time that is over."""
    moment = now or datetime.now(UTC)
    if (clock := re.fullmatch(r"(\d{1,2}):(\d{2})", text)) and int(clock[1]) < 24 and int(clock[2]) < 60:
        end = moment.astimezone().replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
        return end if end > moment else end + timedelta(days=1)
    try:
        end = datetime.fromisoformat(text).astimezone() if "-" in text else moment + _after(text)
    except (ValueError, OverflowError, ConsoleError):
        raise ConsoleError(f"'{text}' is no time", "Write 2h, 04:30, or 2026-11-22T04:30.") from None
    if end > moment + _LONGEST:
        raise ConsoleError(
            f"'{text}' is more than {_LONGEST.days} days away", "Name the end of this maintenance: 2h, 04:30."
        )
    if end <= moment:
        raise ConsoleError(f"'{text}' is over already", "Name a time to come: 2h, 04:30.")
    return end


def _after(text: str) -> timedelta:
    return timedelta(seconds=parse_duration(text))


class Hold(Step):
    """Nothing to prove, but a state to watch: the alarm says what an operator must know at once."""

    def __init__(self, plan: StepPlan, node: str, leaving: tuple[Subject, ...], terms: HoldTerms) -> None:
        super().__init__(plan)
        self._node = node
        self._leaving = leaving
        self._terms = terms
        self._proxies: dict[str, tuple[int, int]] = {}
        """Pid and uptime of each HAProxy at the last look in which its servers were in maintenance."""

    def begin(self) -> None:
        self._proxies = {}

    async def observe(self, world: World) -> Observation:
        reading = await world.read(Part.PROXIES | Part.NODES)
        facts = reading.node(self._node)
        lines = [line for line in (self._whose(),) if line]
        lines += [state_line(reading, subject) for subject in self._leaving]
        lines.append(f"{self._node}: answers" if facts else f"{self._node}: {error_of(reading, self._node)}")
        alarms = [*self._lost(reading), *self._weakened(reading), *self._overdue(datetime.now(UTC))]
        return Observation(Proof.MET, (*alarms[1:], *lines), alarms[0] if alarms else "")

    def _whose(self) -> str:
        terms = self._terms
        parts = [f"held by {terms.owner}" if terms.owner else "", terms.reason]
        parts.append(f"until {terms.until.astimezone():%H:%M %Z}" if terms.until else "")
        return ", ".join(part for part in parts if part)

    def _lost(self, reading: Reading) -> list[str]:
        """Maintenance that is gone: by a reload (another process answers), or by somebody's command."""
        found = []
        for proxy, name in self._leaving:
            facts = reading.proxy(proxy)
            if facts is None:
                continue
            if in_maintenance(reading, (proxy, name)) is not False:
                self._proxies[proxy] = (facts.pid, facts.uptime)
                continue
            pid, uptime = self._proxies.get(proxy, (facts.pid, facts.uptime))
            by = "HAProxy was reloaded" if facts.replaces(pid, uptime) else "somebody enabled it"
            found.append(
                f"{name} is no longer in maintenance on {proxy} ({by}): clients may be sent to {self._node}. "
                "Do not stop it."
            )
        return found

    def _weakened(self, reading: Reading) -> list[str]:
        found = []
        for subject in self._leaving:
            if reading.proxy(subject[0]) is None:
                continue
            backend = subject[1].split("/", maxsplit=1)[0]
            others = usable_others(reading, subject, self._node)
            if not others:
                found.append(f"no other server of {backend} on {subject[0]} can take traffic now")
            elif all(other.state is ServerState.FAILING for other in others):
                shown = ", ".join(f"{other.name} is {other.status}" for other in others)
                found.append(f"{subject[0]}: {shown}: the last server of {backend} fails its checks")
        return found

    def _overdue(self, now: datetime) -> list[str]:
        until = self._terms.until
        if until is None or now < until:
            return []
        return [f"The hold should have ended at {until.astimezone():%H:%M %Z}: go on, or tell its owner."]
