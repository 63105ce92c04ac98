"""What a pause would have to wait for, and what HAProxy cuts by its configuration file. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from bdr_console.cluster.nodes import engine_name
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import counted, format_seconds
from bdr_console.config import ClusterSettings
from bdr_console.runbooks.model.node_sessions import Way, client_rules, sessions_on
from bdr_console.runbooks.model.reading import CatchUp, Reading
from bdr_console.runbooks.model.reading_queries import Subject

NO_FILE = "on-marked-down and on-marked-up are not shown by the socket, and no config_file is configured"


@dataclass(frozen=True, slots=True)
class CutByOption:
    """One command that cuts sessions."""

    text: str
    """Which command, whose sessions, by which option."""
    line: int
    """Where the option is in the file."""


@dataclass(frozen=True, slots=True)
class CutRisk:
    """Where sessions end with a command, on one HAProxy."""

    at_disable: tuple[CutByOption, ...] = ()
    """For each of the servers whose own sessions are cut."""
    at_enable: tuple[CutByOption, ...] = ()
    """For each that cuts the sessions on the backup servers when it is back."""
    unknown: str = ""
    """Why it cannot be told; empty when it can."""
    path: str = ""
    """The file; empty when none was read."""
    backups: bool = False
    """Whether one of the servers could cut others: it is no backup itself, and backup servers are there."""


def cut_risk(reading: Reading, proxy: str, subjects: Iterable[str]) -> CutRisk:
    """What `disable server` and `enable server` of these (`backend/name`) would cut on that HAProxy."""
    facts = reading.proxy(proxy)
    file = reading.files.get(proxy)
    at_disable, at_enable = [], []
    unknown, before_backups = "", False
    for subject in subjects:
        backend, _, name = subject.partition("/")
        server = reading.server(proxy, subject)
        backups = [s.name for s in (facts.servers if facts else ()) if s.backend == backend and s.backup]
        # A backup server that comes back cuts nobody (HAProxy's manual, on-marked-up).
        cuts_others = server is not None and not server.backup and bool(backups)
        before_backups = before_backups or cuts_others
        if file is None:
            continue
        options = file.server(backend, name)
        unknown = unknown or options.unknown
        if options.cut_when_down is not None:
            line = options.cut_when_down
            whose = f"its {_sessions(reading, (proxy, subject))}"
            option = f"on-marked-down shutdown-sessions, line {line} of {file.name}"
            at_disable.append(CutByOption(f"`disable server {subject}` cuts {whose} ({option})", line))
        if options.cuts_backups_when_up is not None and cuts_others:
            line = options.cuts_backups_when_up
            whose = f"every session on {', '.join(backups)}"
            option = f"on-marked-up shutdown-backup-sessions, line {line} of {file.name}"
            at_enable.append(CutByOption(f"`enable server {subject}` cuts {whose} ({option})", line))
    return CutRisk(
        tuple(at_disable),
        tuple(at_enable),
        NO_FILE if file is None else unknown,
        file.path if file else "",
        before_backups,
    )


def _sessions(reading: Reading, subject: Subject) -> str:
    server = reading.server(*subject)
    return counted(server.sessions, "session") if server and server.sessions else "sessions"


_NO_LAG_BELOW = 1024**2
"""Bytes of WAL below which a lag that cannot be told in seconds counts as none: the node was idle."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one look showed of a node beyond the snapshot."""

    occupied: bool = False
    """PgBouncers have sessions there by PostgreSQL's word, whatever HAProxy counts."""
    oldest: float | None = None
    """Age of the oldest transaction in a pooled session, in seconds; None when it was not read."""
    catch_up: CatchUp | None = None
    """How long its peers needed to apply what was written then; None when that was not measured."""
    cut_at_disable: tuple[str, ...] = ()
    """Where HAProxy is known to cut the node's sessions at `disable server`, by HAProxy and in words."""


@dataclass(frozen=True, slots=True)
class Wait:
    """How long every client would wait."""

    seconds: float | None
    """None when it cannot be told."""
    basis: str
    """What it is made of."""
    blind: tuple[str, ...]
    """Why it cannot be told."""
    endless: str = ""
    """Why it would last to the deadline."""


def forecast(reading: Reading, node: str, settings: ClusterSettings) -> Forecast:
    """What this reading shows of `node`."""
    databases = (
        database.database
        for pooler in reading.snapshot.poolers
        for database in (pooler.facts.databases if pooler.facts else ())
    )
    sessions = sessions_on(reading, node, client_rules(settings, databases))
    catch_up = reading.catch_up.get(node)
    cut = tuple(
        f"{proxy}: {found.text}"
        for proxy, server in reading.snapshot.servers_of(node)
        for found in cut_risk(reading, proxy, [f"{server.backend}/{server.name}"]).at_disable
    )
    if sessions is None:
        return Forecast(catch_up=catch_up, cut_at_disable=cut)
    pooled = [one for one in sessions if one.way is Way.POOLER]
    oldest = max((one.backend.transaction_age or 0.0 for one in pooled), default=0.0)
    return Forecast(bool(pooled), oldest, catch_up, cut)


def expected_wait(snapshot: Snapshot, node: str, seen: Forecast, deadline: float) -> Wait:
    """The wait of a pause that begins now and may last `deadline` seconds."""
    observed = snapshot.node(node)
    facts = observed.facts if observed and not observed.error else None
    if facts is None:
        return Wait(None, "", (f"{node} does not answer",))
    blind: list[str] = []
    if seen.oldest is None and facts.sessions is None:
        blind.append(f"the transactions of {node} cannot be seen ({facts.why_unread('sessions')})")
    oldest = seen.oldest
    if oldest is None:
        oldest = (facts.sessions.oldest_transaction if facts.sessions else None) or 0.0
    lag, endless = 0.0, ""
    if seen.catch_up is not None and seen.catch_up.seconds is not None:
        lag = seen.catch_up.seconds
    elif seen.catch_up is not None:
        endless = seen.catch_up.why
        blind.append(endless)
    else:
        lag = max((slot.lag_seconds or 0.0 for slot in facts.slots if slot.active), default=0.0)
        blind += [
            f"the lag of {slot.target or slot.name} cannot be told in seconds"
            for slot in facts.slots
            if slot.active and slot.lag_seconds is None
            if slot.lag_bytes is None or slot.lag_bytes > _NO_LAG_BELOW
        ]
    lag = max(lag, _delays(snapshot, node))
    basis = f"oldest transaction {format_seconds(oldest)}, lag {format_seconds(lag)}"
    if not endless and oldest + lag > deadline:
        endless = (
            f"about {format_seconds(oldest + lag)} ({basis}), and a pause may last {format_seconds(deadline)}"
        )
    return Wait(None if blind else oldest + lag, basis, tuple(blind), endless)


def _delays(snapshot: Snapshot, node: str) -> float:
    """The longest delay that somebody has configured for what the node writes."""
    observed = snapshot.node(node)
    own = engine_name(observed) if observed else node
    return max(
        (
            subscription.apply_delay or 0.0
            for peer in snapshot.nodes
            if peer.facts and peer.name != node
            for subscription in peer.facts.subscriptions
            if subscription.origin in (own, node)
        ),
        default=0.0,
    )
