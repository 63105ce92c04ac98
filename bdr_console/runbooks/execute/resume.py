"""Going on after a runner died: what an earlier run did, from its journal, or from what is seen without one.

The journal says which commands were ours and whether the operator had said `go`. Where things stand is not
taken from it: every step is observed again on the live cluster, and what is met already is skipped. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bdr_console.cluster.observed import Observed
from bdr_console.cluster.poolers import PoolerFacts, looks_quiesced, nothing_paused
from bdr_console.cluster.proxies import ProxyFacts, ServerState
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.runbooks.journal import in_force
from bdr_console.runbooks.model.reading import Reading
from bdr_console.runbooks.model.reading_queries import error_of, in_maintenance, state_line
from bdr_console.runbooks.model.run import Check, Command, Outcome, RunStatus, StepStatus
from bdr_console.runbooks.model.step import Act, Plan

Event = Mapping[str, Any]
Taken = dict[str, tuple[Act, ...]]
"""By step: the acts that count as this run's own, so that the way back takes them back."""

_PLAN = TypeAdapter(Plan)


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """What a journal says of a run that did not end well."""

    plan: Plan
    taken: Taken
    begin_at: int
    """The step to begin with: those before lie behind the operator's `go`."""
    undoing: bool
    """It was on its way back already."""


def as_event(made: Plan) -> dict[str, Any]:
    """The whole plan as the journal keeps it."""
    dumped: dict[str, Any] = _PLAN.dump_python(made, mode="json")
    return dumped


def past(events: Iterable[Event]) -> ResumePoint | None:
    """What the events tell; None when they do not hold a whole plan (a run that had hardly begun)."""
    made: Plan | None = None
    sent: set[tuple[str, str, str]] = set()
    marks: dict[str, StepStatus] = {}
    undoing = False
    for event in events:
        match event.get("event"):
            case "plan" | "turn" as kind:
                try:
                    made = _PLAN.validate_python(event["plan"])
                except (ValidationError, KeyError):
                    continue
                if kind == "turn":  # of a rolling run: what the nodes before changed has been taken back
                    sent, marks, undoing = set(), {}, False
            case "taken":
                sent |= {(a["step"], a["host"], a["command"]) for a in event["acts"]}
            case "intent" if not event.get("undo"):
                sent.add((event["step"], event["host"], event["command"]))
            case "answer" | "error" if made is not None and took_back(event):
                # From here on it is whoever's it is: a PAUSE of somebody else must not be resumed as ours.
                sent -= {
                    (step.key, act.command.host, act.command.text)
                    for step in made.steps
                    for act in step.acts
                    if act.undo == Command(event["host"], event["command"])
                    and (event.get("undo") or act.kind == "pgbouncer")
                }
            case "step":
                step, status = event["step"], StepStatus(event["status"])
                # A step that an abort interrupts is marked undone before its acts are taken back.
                if (marks.get(step), status) == (StepStatus.UNDOING, StepStatus.UNDONE):
                    sent = {act for act in sent if act[0] != step}
                marks[step] = status
            case "status":
                undoing = event.get("status") == RunStatus.UNDOING
            case "resume":
                undoing = bool(event.get("undo"))
    if made is None:
        return None
    taken = {
        step.key: acts
        for step in made.steps
        if (acts := tuple(a for a in step.acts if (step.key, a.command.host, a.command.text) in sent))
    }
    return ResumePoint(made, taken, _begin_at(made, marks), undoing)


def took_back(event: Event) -> bool:
    """Whether this answer says that a command took effect, or that there was nothing to take back."""
    return event["event"] == "answer" or nothing_paused(event.get("error", ""))


def _begin_at(made: Plan, marks: Mapping[str, StepStatus]) -> int:
    """The step after the last one that is behind for good; 0 when none is.

    That is a hold that the operator ended with `go`, and the end of a quiesce: its pause is over, so its
    steps would be found unmet and clients would have to wait a second time.
    """
    behind = (StepStatus.DONE, StepStatus.SKIPPED)
    ended = [
        i + 1
        for i, step in enumerate(made.steps)
        if (step.holds or step.key in ("resume", "restore")) and marks.get(step.key) in behind
    ]
    return max(ended, default=0)


# Without a journal


def found(reading: Reading, node: str) -> tuple[str, ...]:
    """What a switchover of `node` may have left behind, a line for each."""
    left = [
        state_line(reading, (proxy, f"{server.backend}/{server.name}"))
        for proxy, server in reading.snapshot.servers_of(node)
        if server.in_maintenance
    ]
    left += [
        f"{pooler.name}: database {database.name} is paused"
        for pooler in reading.snapshot.poolers
        if pooler.facts
        for database in pooler.facts.databases
        if database.paused
    ]
    left += [
        f"{name}: default_pool_size is 1 and server_login_retry 0, as a quiesce leaves them that died"
        for name, now in reading.settings.items()
        if looks_quiesced(now)
    ]
    return tuple(left)


def unseen(reading: Reading) -> tuple[str, ...]:
    """The HAProxies and PgBouncers that do not answer: what was left there cannot be told."""
    silent = [p.name for p in reading.snapshot.proxies if not p.facts or p.error]
    silent += [p.name for p in reading.snapshot.poolers if not p.facts or p.error]
    return tuple(f"{name} does not answer ({error_of(reading, name)})" for name in silent)


def as_before(snapshot: Snapshot, node: str) -> Snapshot:
    """The snapshot without what a switchover of `node` would have changed: a plan made of it holds the whole
    way back too."""
    proxies = tuple(_in_service(proxy, node) for proxy in snapshot.proxies)
    return replace(snapshot, proxies=proxies, poolers=tuple(map(_resumed, snapshot.poolers)))


def _in_service(proxy: Observed[ProxyFacts], node: str) -> Observed[ProxyFacts]:
    if proxy.facts is None:
        return proxy
    servers = tuple(
        replace(server, state=ServerState.UP, status="UP", admin_state=0) if server.node == node else server
        for server in proxy.facts.servers
    )
    return replace(proxy, facts=replace(proxy.facts, servers=servers))


def _resumed(pooler: Observed[PoolerFacts]) -> Observed[PoolerFacts]:
    if pooler.facts is None:
        return pooler
    databases = tuple(replace(database, paused=False) for database in pooler.facts.databases)
    return replace(pooler, facts=replace(pooler.facts, databases=databases))


def adopted(reading: Reading, made: Plan) -> Taken:
    """The plan's acts that are seen in force and can be taken back: the operator said that they are ours."""
    return {
        step.key: acts
        for step in made.steps
        if (acts := tuple(act for act in step.acts if act.undo and _in_force(reading, act)))
    }


def _in_force(reading: Reading, act: Act) -> bool:
    if act.kind == "haproxy":
        return in_maintenance(reading, (act.target, act.subject)) is True
    if wanted := in_force.setting(act.command):
        return reading.settings.get(act.target, {}).get(wanted[0]) == wanted[1]
    facts = reading.pooler(act.target)
    return facts is not None and any(d.name == act.subject and d.paused for d in facts.databases)


def findings(reading: Reading, taken: Taken, whose: str) -> tuple[Check, ...]:
    """The check list of a run that goes on: what was found, and why it counts as ours."""
    lines = []
    for act in (act for acts in taken.values() for act in acts if act.undo):
        forced = _in_force(reading, act)
        seen = (
            state_line(reading, (act.target, act.subject))
            if act.kind == "haproxy"
            else f"{act.subject} is {'so' if forced else 'not so'} now"
            if in_force.setting(act.command)
            else f"{act.subject} is {'' if forced else 'not '}paused"
        )
        title = f"`{act.command.text}` on {act.target} is {whose}"
        lines.append(Check(title, Outcome.PASS, seen, "An abort takes it back, and so does the end."))
    lines += [
        Check("every target answers", Outcome.WARN, silent, "What was changed there cannot be told.")
        for silent in unseen(reading)
    ]
    return tuple(lines)
