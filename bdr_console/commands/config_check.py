"""Asking every target of a configuration once: is it reached, what is it, what may the console do there."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bdr_console.cluster.access import ends_sessions
from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import clean
from bdr_console.cluster.verdict.findings import with_remedies
from bdr_console.cluster.verdict.judge import configuration_findings
from bdr_console.config import ClusterSettings
from bdr_console.engines import Probe
from bdr_console.links.errors import LinkError
from bdr_console.links.factory import Links, tls_given_up
from bdr_console.links.haproxy import HaproxyReader, read_proxy
from bdr_console.links.pgbouncer import PgBouncerReader
from bdr_console.links.postgres import PostgresReader, Unreadable
from bdr_console.links.session import IN_CLEAR
from bdr_console.runbooks.execute.target_queries import pooler_rights, proxy_rights

_DEADLINE = 5.0
"""Seconds for one exchange with a target."""
_PATIENCE = 30.0
"""Seconds for one target as a whole: a password command, an SSH login, a few questions."""
_ROLE = """
SELECT current_user::text AS role, rolsuper,
       rolsuper OR EXISTS (SELECT 1 FROM pg_catalog.pg_roles s
                            WHERE s.rolname = 'pg_signal_backend'
                              AND pg_has_role(current_user, s.oid, 'USAGE')) AS signals
  FROM pg_catalog.pg_roles WHERE rolname = current_user
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one target answered."""

    cluster: str
    kind: str
    """node, haproxy or pgbouncer."""
    target: str
    address: str
    reached: bool
    said: str
    """Version, engine and rights; for one that was not reached, why."""
    notes: tuple[str, ...] = ()
    """What the operator should know of it, or do about it."""
    fault: bool = False
    """Whether the configuration is wrong about it, although it answers."""


async def ask_all(name: str, settings: ClusterSettings) -> tuple[Asked, ...]:
    """Every target of one cluster, all at the same time; none takes longer than half a minute.

    Raises nothing for a target that cannot be asked.
    """
    links = Links(settings, application_name="bdr-console check", deadline=_DEADLINE)
    given_up = tls_given_up(settings)
    read: dict[str, NodeFacts] = {}

    async def one(
        kind: str,
        link: PostgresReader | HaproxyReader | PgBouncerReader,
        ask: Awaitable[tuple[str, list[str]]],
    ) -> Asked:
        notes = [note.partition(": ")[2] for note in given_up if note.startswith(f"{link.name}: ")]
        try:
            async with asyncio.timeout(_PATIENCE):
                said, more = await ask
        except LinkError as error:
            return Asked(name, kind, link.name, link.address, False, error.reason, (error.remedy, *notes))
        except TimeoutError:
            reason = f"did not answer everything within {_PATIENCE:.0f} s"
            return Asked(name, kind, link.name, link.address, False, reason, tuple(notes))
        finally:
            if not isinstance(link, HaproxyReader):
                await link.close()
        return Asked(name, kind, link.name, link.address, True, said, (*more, *notes))

    engine: Callable[[str], str | None] = lambda node: settings.nodes[node].engine  # noqa: E731
    try:
        found = await asyncio.gather(
            *(
                one("node", link, _node(link, engine(node), read))
                for node, link in links.nodes(PostgresReader).items()
            ),
            *(
                one("haproxy", link, _proxy(link, settings.proxies[proxy].backends))
                for proxy, link in links.proxies(HaproxyReader).items()
            ),
            *(one("pgbouncer", link, _pooler(link)) for link in links.poolers(PgBouncerReader).values()),
        )
    finally:
        await links.close()
    return compared(name, tuple(found), read)


def compared(name: str, found: tuple[Asked, ...], read: Mapping[str, NodeFacts]) -> tuple[Asked, ...]:
    """Return the same targets, with what only all nodes together show: members that are lacking, nodes that
    are one. `read` are the facts of those that answered, by configured name."""
    now = datetime.now(UTC)
    nodes = tuple(
        Observed(one.target, one.address, read.get(one.target), now if one.target in read else None)
        for one in found
        if one.kind == "node"
    )
    if not read:
        return found
    snapshot = Snapshot(name, "", now, _PATIENCE, nodes, (), ())
    faults = with_remedies([*configuration_findings(snapshot, now)], snapshot, keys=False)
    named = {finding.subject for finding in faults} & set(read)
    first = next(iter(read))
    notes: dict[str, list[str]] = {}
    for finding in faults:
        at = finding.subject if finding.subject in named else first
        notes.setdefault(at, []).extend((finding.sentence, finding.remedy))
    return tuple(
        replace(one, notes=(*one.notes, *notes[one.target]), fault=True)
        if one.kind == "node" and one.target in notes
        else one
        for one in found
    )


async def _node(
    link: PostgresReader, engine: str | None, read: dict[str, NodeFacts]
) -> tuple[str, list[str]]:
    facts = read[link.name] = await Probe(link, engine).read()
    rows = (await link.fetch({"role": _ROLE}))["role"]
    role = {} if isinstance(rows, Unreadable) or not rows else rows[0]
    notes = [IN_CLEAR] if link.password_in_clear else []
    if refused := [part for part in facts.unread if part.judged]:
        parts = ", ".join(part.what for part in refused)
        notes.append(f"cannot read {parts}: bdr-console grants --check names the GRANTs that help")
    notes += [f"{part.what}: {part.why}" for part in facts.unread if not part.judged]
    if role.get("rolsuper"):
        notes.append("the role is a superuser: watching needs no more than bdr-console grants prints")
    elif role and not role["signals"]:
        needs = ends_sessions(facts.server_version)
        notes.append(f"may not end other sessions, which a switchover may have to. {needs.rstrip('.')}")
    named = clean(role.get("role") or "an unknown role", 63)
    reads = "reads not everything" if refused else "reads everything"
    return f"PostgreSQL {facts.server_version}, {facts.engine}; as {named}: {reads}", notes


async def _proxy(link: HaproxyReader, backends: tuple[str, ...]) -> tuple[str, list[str]]:
    facts = await read_proxy(link, backends, lambda *_: None)
    rights = await proxy_rights(link)
    notes = []
    if rights.may_act is False:
        notes.append("enough to watch; a switchover needs a socket with level admin")
    return f"HAProxy {facts.version}, {rights.said}", notes


async def _pooler(link: PgBouncerReader) -> tuple[str, list[str]]:
    rights, _ = await pooler_rights(link)
    notes = [IN_CLEAR] if link.password_in_clear else []
    if rights.may_act is False:
        notes.append("enough to watch; a switchover needs a user in admin_users")
    return f"PgBouncer {link.version}, {rights.said}", notes
