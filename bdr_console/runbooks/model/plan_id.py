"""A plan's id: a digest of what was seen when it was made. Whoever applies it gets that world, or a refusal.

What moves by itself (sessions, lag, positions, uptimes) is not in it; what a plan rests on is: which servers
take traffic, who the members are, where the poolers lead, where new connections go, and every command.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path

from pydantic import TypeAdapter

from bdr_console import paths
from bdr_console.cluster.traffic import haproxy_refusal, node_refusal
from bdr_console.errors import ConsoleError
from bdr_console.paths import write_private
from bdr_console.runbooks.model.reading import Reading
from bdr_console.runbooks.model.reading_queries import error_of
from bdr_console.runbooks.model.run import ISOLATE, REFUSED
from bdr_console.runbooks.model.step import Plan

VALID = timedelta(minutes=10)
_ID = re.compile(r"[0-9a-f]{12}")
Seen = dict[str, str]
"""What each thing was, by its name."""


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """A plan that may be applied for a while."""

    id: str
    made_at: datetime
    cluster: str
    node: str
    seen: Seen
    terms: dict[str, str] = field(default_factory=dict)
    """How it is to be carried out: mode, session_pools, runbook."""

    @property
    def valid_until(self) -> datetime:
        """From then on it is too old."""
        return self.made_at + VALID


def seen_by(reading: Reading, made: Plan) -> Seen:
    """Everything the plan rests on, in words that do not change by themselves. Pure."""
    if made.runbook == ISOLATE:
        # In an emergency everything moves: what counts is that nothing else is sent than was shown.
        return dict(_commands(made))
    return dict([*_nodes(reading), *_proxies(reading), *_poolers(reading), *_commands(made)])


def _nodes(reading: Reading) -> Iterator[tuple[str, str]]:
    present = reading.present()
    for node in reading.snapshot.nodes:
        facts = reading.node(node.name)
        if facts is None:
            yield f"node {node.name}", f"no answer ({error_of(reading, node.name)})"
            continue
        fit = node_refusal(node.name, present) or "can take the writes"
        yield f"node {node.name}", f"{facts.membership.value}, {fit}, {facts.engine}, at {node.address}"


def _proxies(reading: Reading) -> Iterator[tuple[str, str]]:
    for proxy in reading.snapshot.proxies:
        facts = reading.proxy(proxy.name)
        if facts is None:
            yield f"HAProxy {proxy.name}", f"no answer ({error_of(reading, proxy.name)})"
            continue
        yield f"HAProxy {proxy.name}", f"version {facts.version} at {proxy.address}"
        for server in facts.servers:
            name = f"server {server.backend}/{server.name} on {proxy.name}"
            state = haproxy_refusal(server) or "takes traffic"
            yield name, f"{state}, {server.node or 'no known node'}, {server.address or 'no address'}"
        if (file := reading.files.get(proxy.name)) is not None:
            for server in facts.servers:
                options = file.server(server.backend, server.name)
                cuts = [
                    *(["its own"] if options.cut_when_down is not None else ()),
                    *(["the backup servers'"] if options.cuts_backups_when_up is not None else ()),
                ]
                told = "not known" if options.unknown else " and ".join(cuts) or "none"
                yield f"sessions that {server.backend}/{server.name} on {proxy.name} cuts", told
        for entry in facts.stick or ():
            yield f"stick {entry.table} {entry.key} on {proxy.name}", entry.server or "no server"


def _poolers(reading: Reading) -> Iterator[tuple[str, str]]:
    for pooler in reading.snapshot.poolers:
        facts = reading.pooler(pooler.name)
        if facts is None:
            yield f"PgBouncer {pooler.name}", f"no answer ({error_of(reading, pooler.name)})"
            continue
        yield f"PgBouncer {pooler.name}", f"version {facts.version} at {pooler.address}"
        for database in facts.databases:
            modes = sorted({p.mode for p in facts.pools if p.database == database.name and p.servers})
            state = "paused" if database.paused else "disabled" if database.disabled else "open"
            where = f"to {database.host}:{database.port}, {state}, pools: {', '.join(modes) or 'none open'}"
            yield f"database {database.name} of {pooler.name}", where


def _commands(made: Plan) -> Iterator[tuple[str, str]]:
    for step in made.steps:
        sent = (f"{act.command.text} to {act.command.host}" for act in step.acts)
        yield f"step {step.key}", "; ".join(sent) or "no command"


def plan_id(cluster: str, node: str, seen: Mapping[str, str]) -> str:
    """Twelve hexadecimal digits that stand for exactly this."""
    whole = json.dumps([cluster, node, sorted(seen.items())], ensure_ascii=True)
    return sha256(whole.encode()).hexdigest()[:12]


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """What moved, a line for each thing."""
    return tuple(
        f"{name} was: {before.get(name, 'not there')}; is: {now.get(name, 'not there')}"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    )


def keep(
    cluster: str,
    node: str,
    seen: Seen,
    now: datetime | None = None,
    *,
    terms: dict[str, str] | None = None,
) -> KeptPlan:
    """Keep the plan for `apply`, readable by this user only; drops those that are too old."""
    moment = now or datetime.now(UTC)
    kept = KeptPlan(plan_id(cluster, node, seen), moment, cluster, node, seen, terms or {})
    directory = _directory()
    for path in directory.glob("*.json"):
        old = _read(path)
        if old is None or old.valid_until < moment:
            path.unlink(missing_ok=True)
    write_private(directory / f"{kept.id}.json", json.dumps({**asdict(kept), "made_at": moment.isoformat()}))
    return kept


def recall(
    given: str, node: str, cluster: str, now: datetime | None = None, *, command: str = ""
) -> KeptPlan:
    """The kept plan with that id; raises ConsoleError when there is none, or it is another's, or too old.

    `command` is what makes such a plan, for the remedy; a switchover when it is left out.
    """
    again = f"Make a new one: bdr-console {command or f'switchover {node}'} --plan"
    kept = _read(_directory() / f"{given}.json") if _ID.fullmatch(given) else None
    if kept is None:
        raise ConsoleError(f"there is no plan '{given}' here", f"{again}.", REFUSED)
    if (kept.cluster, kept.node) != (cluster, node):
        problem = f"plan {given} is for {kept.node} of cluster {kept.cluster}, not for {node} of {cluster}"
        raise ConsoleError(problem, f"{again}.", REFUSED)
    if (now or datetime.now(UTC)) > kept.valid_until:
        minutes = f"{VALID.total_seconds() / 60:.0f} minutes"
        problem = f"plan {given} is from {kept.made_at:%H:%M:%S} UTC: a plan is good for {minutes}"
        raise ConsoleError(problem, f"{again}.", REFUSED)
    return kept


def _directory() -> Path:
    return paths.private_dir(paths.state_dir() / "plans")


@cache
def _kept() -> TypeAdapter[KeptPlan]:
    return TypeAdapter(KeptPlan)


def _read(path: Path) -> KeptPlan | None:
    """The plan that `keep` wrote there; None for anything else."""
    try:
        kept = _kept().validate_json(path.read_bytes())
        kept.made_at.astimezone(UTC), kept.valid_until.astimezone(UTC)  # some dates have no neighbours
    except (OSError, ValueError, OverflowError):
        return None
    return kept if kept.made_at.tzinfo is not None else None
