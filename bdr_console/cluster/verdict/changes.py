"""What changed between two snapshots, in words: the lines of the event log. Pure."""

from dataclasses import dataclass
from datetime import datetime

from bdr_console.cluster.observed import Observed
from bdr_console.cluster.proxies import ProxyFacts
from bdr_console.cluster.replication import Link, LinkState, links
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Key, Level, key_of


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the event log."""

    at: datetime
    level: Level
    subject: str
    text: str
    code: str = ""
    """Of the finding that it tells of, or its kind; empty for one that no finding follows."""

    @property
    def key(self) -> Key:
        """The key of the finding that it tells of."""
        return key_of(self.code, self.subject)


def changes(
    before: Snapshot,
    after: Snapshot,
    known: tuple[tuple[Link, ...], tuple[Link, ...]] | None = None,
) -> tuple[Event, ...]:
    """Events between two readings of one cluster: contact, members, unread parts, links, servers, pauses.

    `known` are the links of both when they were taken, for a caller that has them already."""
    was, now = known or (links(before, before.taken_at), links(after, after.taken_at))
    return (
        *_contact("node", before.nodes, after.nodes, after.taken_at),
        *_contact("proxy", before.proxies, after.proxies, after.taken_at),
        *_contact("pooler", before.poolers, after.poolers, after.taken_at),
        *_members(before, after),
        *_unread(before, after),
        *_links(was, now, after.taken_at),
        *(
            event
            for b, a in _pairs(before.proxies, after.proxies)
            for event in _servers(a.name, b, a, after.taken_at)
        ),
        *_paused(before, after),
    )


def _pairs(
    before: tuple[Observed[ProxyFacts], ...], after: tuple[Observed[ProxyFacts], ...]
) -> list[tuple[Observed[ProxyFacts], Observed[ProxyFacts]]]:
    old = {target.name: target for target in before}
    return [(old[target.name], target) for target in after if target.name in old]


def _contact(
    what: str,
    before: tuple[Observed, ...],  # type: ignore[type-arg]
    after: tuple[Observed, ...],  # type: ignore[type-arg]
    at: datetime,
) -> list[Event]:
    code = f"{what}.unreachable"
    old = {target.name: target for target in before}
    found = []
    for target in after:
        was = old.get(target.name)
        if was is None:
            continue
        if target.error and not was.error:
            found.append(Event(at, Level.CRIT, target.name, f"lost: {target.error}", code))
        elif was.error and not target.error and target.facts is not None:
            found.append(Event(at, Level.OK, target.name, "answers again", code))
        if target.warning and target.warning != was.warning:
            found.append(Event(at, Level.WARN, target.name, target.warning))
    return found


def _members(before: Snapshot, after: Snapshot) -> list[Event]:
    found = []
    for node in after.nodes:
        was = before.node(node.name)
        if was is None or was.facts is None or node.facts is None:
            continue
        if was.facts.membership is not node.facts.membership:
            text = f"is {node.facts.membership.value} (was {was.facts.membership.value})"
            found.append(Event(after.taken_at, Level.WARN, node.name, text, "member.state"))
        if was.facts.started_at and node.facts.started_at and was.facts.started_at < node.facts.started_at:
            found.append(Event(after.taken_at, Level.WARN, node.name, "PostgreSQL was restarted"))
    return found


def _unread(before: Snapshot, after: Snapshot) -> list[Event]:
    found = []
    for node in after.nodes:
        was = before.node(node.name)
        if node.facts is None or was is None:
            continue
        blind = {part.what: part.why for part in was.facts.unread} if was.facts else {}
        blinder = {part.what: part.why for part in node.facts.unread}
        causes: dict[str, list[str]] = {}  # one denied schema blinds many parts
        for what, why in blinder.items():
            if what not in blind:
                causes.setdefault(why, []).append(what)
        for why, parts in causes.items():
            hint = "; `bdr-console grants` prints what to grant" if "permission denied" in why else ""
            text = f"cannot read {', '.join(parts)}: {why}{hint}"
            found.append(Event(after.taken_at, Level.WARN, node.name, text))
        if seeing := [what for what in blind if what not in blinder]:
            found.append(Event(after.taken_at, Level.OK, node.name, f"reads {', '.join(seeing)} again"))
    return found


def _links(before: tuple[Link, ...], after: tuple[Link, ...], at: datetime) -> list[Event]:
    old = {link.key: link for link in before}
    found = []
    for link in after:
        was = old.get(link.key)
        if was is None or was.state is link.state:
            continue
        level = {
            LinkState.STREAMING: Level.OK,
            LinkState.DOWN: Level.CRIT,
            LinkState.UNKNOWN: Level.UNKNOWN,
        }.get(link.state, Level.WARN)
        if was.state is LinkState.UNKNOWN and link.state is LinkState.STREAMING:
            continue  # its node answers again, which has a line of its own
        subject, text = f"{link.origin} -> {link.target}", f"{link.state.value}: {link.reason}"
        found.append(Event(at, level, subject, text, f"link.{link.state.name.lower()}"))
    return found


def _servers(
    proxy: str, before: Observed[ProxyFacts], after: Observed[ProxyFacts], at: datetime
) -> list[Event]:
    if before.facts is None or after.facts is None:
        return []
    found = []
    if after.facts.pid != before.facts.pid or after.facts.uptime < before.facts.uptime:
        text = "HAProxy was reloaded: maintenance set by command and sticky entries may be gone"
        found.append(Event(at, Level.WARN, proxy, text))
    old = {(server.backend, server.name): server for server in before.facts.servers}
    for server in after.facts.servers:
        was = old.get((server.backend, server.name))
        if was and was.state is not server.state:
            level = Level.OK if server.state.accepts else Level.WARN
            text = f"{server.state.value} (was {was.state.value})"
            subject, code = f"{proxy}/{server.backend}/{server.name}", f"server.{server.state.name.lower()}"
            found.append(Event(at, level, subject, text, code))
    if before.facts.stick is not None and after.facts.stick is not None:
        stuck = {(entry.table, entry.key): entry.server for entry in before.facts.stick}
        for entry in after.facts.stick:
            previous = stuck.get((entry.table, entry.key))
            if previous and entry.server and previous != entry.server:
                text = f"new connections to {entry.key} go to {entry.server} (was {previous})"
                found.append(Event(at, Level.OK, f"{proxy}/{entry.table}", text))
    return found


def _paused(before: Snapshot, after: Snapshot) -> list[Event]:
    old = {pooler.name: pooler.facts for pooler in before.poolers}
    found = []
    for pooler in after.poolers:
        was = old.get(pooler.name)
        if was is None or pooler.facts is None:
            continue
        paused = {database.name for database in was.databases if database.paused}
        for database in pooler.facts.databases:
            subject = f"{pooler.name}/{database.name}"
            if database.paused and database.name not in paused:
                found.append(Event(after.taken_at, Level.WARN, subject, "paused", "pooler.paused"))
            elif not database.paused and database.name in paused:
                found.append(Event(after.taken_at, Level.OK, subject, "resumed", "pooler.paused"))
    return found
