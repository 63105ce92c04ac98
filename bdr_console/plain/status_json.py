"""A look at a cluster as the published JSON. Pure."""

from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.observed import FactsT, Observed
from bdr_console.cluster.poolers import PoolerFacts
from bdr_console.cluster.proxies import ProxyFacts, ProxyServer
from bdr_console.cluster.replication import Link
from bdr_console.cluster.verdict.findings import Level, Verdict
from bdr_console.links.advisory import Holder
from bdr_console.plain.status_reader import StatusReport
from bdr_console.plain.status_schema import (
    SCHEMA,
    FindingJson,
    LevelWord,
    LinkJson,
    LockJson,
    NodeJson,
    PoolerJson,
    PoolJson,
    ProxyJson,
    RunJson,
    ServerJson,
    SessionsJson,
    StatusJson,
    VerdictJson,
)
from bdr_console.plain.words import EXIT_CODES, node_state
from bdr_console.runbooks.model.run import RunView

_WORDS: dict[Level, LevelWord] = {
    Level.OK: "ok",
    Level.UNKNOWN: "unknown",
    Level.WARN: "warning",
    Level.CRIT: "critical",
}
_ADMIN = "pgbouncer"


def status_document(report: StatusReport) -> StatusJson:
    """The whole object; write it with `model_dump_json(by_alias=True)`."""
    snapshot = report.snapshot
    return StatusJson(
        schema=SCHEMA,
        generated_at=report.now,
        readings=report.readings,
        cluster=snapshot.cluster,
        environment=snapshot.environment,
        verdict=VerdictJson(
            level=_WORDS[report.verdict.level],
            word=report.verdict.level.word,
            exit_code=EXIT_CODES[report.verdict.level],
            headline=report.headline,
            findings=_findings(report.verdict),
        ),
        nodes=tuple(_node(node, report) for node in snapshot.nodes),
        links=tuple(_link(link, report) for link in report.links),
        proxies=tuple(_proxy(proxy, report) for proxy in snapshot.proxies),
        poolers=tuple(_pooler(pooler, report) for pooler in snapshot.poolers),
        runs=tuple(map(_run, report.runs)),
        lock=_lock(report.lock) if report.lock else None,
    )


def _findings(verdict: Verdict) -> tuple[FindingJson, ...]:
    places = {finding.key: place for place, finding in enumerate(verdict.findings) if finding.root is None}
    return tuple(
        FindingJson(
            level=_WORDS[finding.level],
            subject=finding.subject,
            text=finding.text,
            code=finding.code,
            root=places[finding.root] if finding.root is not None else None,
            expected=finding.expected,
            impact=finding.hurts.word,
            clients=finding.clients,
            longest_wait_seconds=finding.longest_wait,
            remedy=finding.remedy,
        )
        for finding in verdict.findings
    )


def _target(target: Observed[FactsT], report: StatusReport) -> dict[str, object]:
    return {
        "name": target.name,
        "address": target.address,
        "level": _WORDS[report.level_of(target.name)],
        "fresh": target.is_fresh(report.now, report.snapshot.refresh),
        "seen_at": target.seen_at,
        "error": target.error,
        "warning": target.warning or None,
    }


def _node(node: Observed[NodeFacts], report: StatusReport) -> NodeJson:
    facts = node.facts
    sessions = facts.sessions if facts else None
    takes, why = report.node_takes(node.name)
    own: dict[str, object] = {
        "state": node_state(facts),
        "takes_traffic": takes,
        "why_not": why or None,
        "engine": facts.engine if facts else None,
        "server_version": facts.server_version if facts else None,
        "node_name": facts.node_name if facts else None,
        "group": facts.group if facts else None,
        "membership": facts.membership.value if facts else None,
        "read_only": facts.read_only if facts else None,
        "apply_paused": facts.apply_paused if facts else None,
        "wal_lsn": facts.wal_lsn if facts else None,
        "unread": [f"{part.what}: {part.why}" for part in facts.unread] if facts else [],
        "sessions": sessions
        and SessionsJson(
            total=sessions.total,
            active=sessions.active,
            idle_in_transaction=sessions.idle_in_transaction,
            max_connections=sessions.max_connections,
            oldest_transaction_seconds=sessions.oldest_transaction,
        ),
    }
    return NodeJson.model_validate({**_target(node, report), **own})


def _link(link: Link, report: StatusReport) -> LinkJson:
    return LinkJson(
        origin=link.origin,
        target=link.target,
        level=_WORDS[report.level_of(f"{link.origin} -> {link.target}")],
        state=link.state.value,
        reason=link.reason,
        fresh=link.fresh,
        seen_at=link.seen_at,
        lag_bytes=link.lag_bytes,
        lag_seconds=link.lag_seconds,
        lag_seconds_at_least=link.lag_time.at_least if link.lag_time else None,
        retained_bytes=link.retained_bytes,
        pending_rows=link.pending_rows,
    )


def _proxy(proxy: Observed[ProxyFacts], report: StatusReport) -> ProxyJson:
    facts = proxy.facts
    servers = [_server(proxy, facts, server, report) for server in facts.servers] if facts else []
    own = {"version": facts.version if facts else None, "servers": servers}
    return ProxyJson.model_validate({**_target(proxy, report), **own})


def _server(
    proxy: Observed[ProxyFacts], facts: ProxyFacts, server: ProxyServer, report: StatusReport
) -> ServerJson:
    takes, why = report.server_takes(proxy, server)
    stuck = None
    if facts.stick is not None:
        stuck = tuple(e.key for e in facts.stick if (e.table, e.server) == (server.backend, server.name))
    return ServerJson(
        backend=server.backend,
        name=server.name,
        node=server.node,
        level=_WORDS[report.level_of(f"{proxy.name}/{server.backend}/{server.name}")],
        state=server.state.value,
        takes_traffic=takes,
        why_not=why or None,
        in_maintenance=server.in_maintenance,
        backup=server.backup,
        weight=server.weight,
        sessions=server.sessions,
        queue=server.queue,
        check=server.check,
        since_seconds=server.since,
        sticky_keys=stuck,
    )


def _pooler(pooler: Observed[PoolerFacts], report: StatusReport) -> PoolerJson:
    facts = pooler.facts
    paused = {database.name for database in facts.databases if database.paused} if facts else set()
    pools = [
        PoolJson(
            database=pool.database,
            user=pool.user,
            mode=pool.mode,
            paused=pool.database in paused,
            clients_active=pool.clients_active,
            clients_waiting=pool.clients_waiting,
            max_wait_seconds=pool.max_wait,
            servers_active=pool.servers_active,
            servers_idle=pool.servers_idle,
            servers=pool.servers,
            close_needed=pool.close_needed,
        )
        for pool in (facts.pools if facts else ())
        if pool.database != _ADMIN
    ]
    own = {"version": facts.version if facts else None, "pools": pools}
    return PoolerJson.model_validate({**_target(pooler, report), **own})


def _run(run: RunView) -> RunJson:
    return RunJson(
        run=run.run_id,
        node=run.subject,
        who=run.who,
        status=run.status.value,
        step=run.current.key if run.current else None,
        started_at=run.started_at,
        message=run.message,
    )


def _lock(holder: Holder) -> LockJson:
    return LockJson(
        node=holder.node,
        holder=holder.application or f"role {holder.role or 'unknown'}",
        client=holder.client,
        since=holder.since,
        pid=holder.pid,
    )
