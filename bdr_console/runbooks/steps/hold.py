"""The steps that hold a node out of service, check it, and bring it back.

The hold is a state with an owner, a reason and an expected end, watched until it is over.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bdr_console.cluster.proxies import ProxyServer, ServerState
from bdr_console.cluster.replication import Link, LinkState, links
from bdr_console.cluster.text import parse_duration
from bdr_console.cluster.traffic import node_refusal
from bdr_console.cluster.verdict.findings import Level, Thresholds
from bdr_console.cluster.verdict.lag import lag_level, lag_text
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.model.reading import Area, Reading
from bdr_console.runbooks.model.reading_queries import (
    Subject,
    error_of,
    in_maintenance,
    state_line,
    switch_back_target,
    traffic,
    usable_others,
)
from bdr_console.runbooks.model.step import Act, CutSessions, Observation, Proof, Step, StepPlan, World
from bdr_console.runbooks.steps.disable import SessionCount

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
        reading = await world.read(Area.PROXIES | Area.NODES)
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


class Ready(Step):
    """The node is a ready member, and replication streams and has caught up in both directions."""

    def __init__(self, plan: StepPlan, node: str, limits: Thresholds) -> None:
        super().__init__(plan)
        self._node = node
        self._limits = limits

    async def observe(self, world: World) -> Observation:
        reading = await world.read(Area.NODES)
        return ready(reading, self._node, self._limits)


def ready(reading: Reading, node: str, limits: Thresholds) -> Observation:
    """Whether `node` could take traffic: reached, writable, a ready member, lag small both ways. Pure."""
    facts = reading.node(node)
    if facts is None:
        return Observation(Proof.UNMET, (f"{node}: {error_of(reading, node)}",))
    # An engine without membership of its own (plain PostgreSQL) says nothing; the links below still count.
    why = node_refusal(node, reading.present())
    missing = [f"{node}: {why}"] if why else []
    unknown: list[str] = []
    fine: list[str] = []
    now = max((n.seen_at for n in reading.snapshot.nodes if n.seen_at), default=datetime.now(UTC))
    for link in links(reading.snapshot, now):
        if node not in link.key:
            continue
        peer = link.target if link.origin == node else link.origin
        text, good = _link(link, limits)
        if reading.node(peer) is None:
            unknown.append(
                f"{peer} does not answer ({error_of(reading, peer)}): its replication cannot be judged"
            )
        else:
            (fine if good else missing).append(text)
    proof = Proof.UNMET if missing else Proof.UNKNOWN if unknown else Proof.MET
    return Observation(proof, (*missing, *dict.fromkeys(unknown), *fine))


def _link(link: Link, limits: Thresholds) -> tuple[str, bool]:
    """(evidence, whether it is good enough)."""
    name = f"{link.origin} -> {link.target}"
    if link.state is not LinkState.STREAMING:
        return f"{name}: {link.state.value}: {link.reason}", False
    # One reading alone seldom knows the lag in time: what it leaves open is no obstacle by itself.
    good = link.lag_bytes is not None and lag_level(link, limits) <= Level.UNKNOWN
    return f"{name}: streaming, lags {lag_text(link)}", good


class Enable(Step):
    """The servers that this run disabled are out of maintenance and UP on every HAProxy."""

    def __init__(self, plan: StepPlan, node: str, disabled: Step, *, had_traffic: bool | None = None) -> None:
        super().__init__(plan)
        self._node = node
        self._disabled = disabled
        self._had_traffic = had_traffic
        self._open: tuple[Act, ...] = plan.acts
        self._count = SessionCount()

    def _ours(self) -> tuple[Act, ...]:
        """We do not enable what this run did not disable."""
        taken = {(act.target, act.subject) for act in self._disabled.taken}
        return tuple(act for act in self.plan.acts if (act.target, act.subject) in taken)

    async def observe(self, world: World) -> Observation:
        reading = await world.read(Area.PROXIES)
        self._count.look(reading, self.taken)
        ours = self._ours()
        states = {act: reading.server(act.target, act.subject) for act in ours}
        self._open = tuple(act for act, server in states.items() if server and server.in_maintenance)
        lines = [state_line(reading, (act.target, act.subject)) for act in ours]
        left = [act for act in self._disabled.plan.acts if (act.target, act.subject) not in {
            (mine.target, mine.subject) for mine in ours}]  # fmt: skip
        lines += [
            f"{act.target}: {act.subject} was in maintenance before this run and is left so" for act in left
        ]
        where = traffic(reading, tuple((act.target, act.subject) for act in self._disabled.plan.acts))
        self.closing = (
            f"{self._node} is back in service. {where}" if ours else f"Nothing was enabled. {where}"
        )
        other = switch_back_target(reading.snapshot, self._node, had_traffic=self._had_traffic)
        if ours and other:
            self.closing += (
                f" To switch back: the same runbook with {other} as the leaving node, once all is well."
            )
        if any(server is None for server in states.values()):
            return Observation(Proof.UNKNOWN, tuple(lines))
        if all(server and not server.in_maintenance and _is_up(server) for server in states.values()):
            return Observation(Proof.MET, (*lines, where))
        return Observation(Proof.UNMET, tuple(lines))

    async def guard(self, world: World) -> tuple[str, ...]:
        reading = await world.read(Area.NODES | Area.PROXIES)
        self._count.look(reading, self.taken)
        if reading.node(self._node) is None:
            return (f"{self._node} does not answer ({error_of(reading, self._node)})",)
        why = node_refusal(self._node, reading.present())
        return (f"{self._node} {why}",) if why else ()

    def needed(self) -> tuple[Act, ...]:
        return self._open

    def take_cuts(self) -> tuple[CutSessions, ...]:
        return self._count.take()


def _is_up(server: ProxyServer) -> bool:
    """Fully up: `UP 1/3` right after enabling only means that one more failed check would take it down."""
    return server.state is ServerState.UNCHECKED or server.status == "UP"
