"""A cluster's state as one page of plain text: the verdict, the findings, and a table for each kind. Pure."""

from collections.abc import Sequence

from bdr_console.cluster.observed import Observed
from bdr_console.cluster.poolers import PoolerFacts
from bdr_console.cluster.proxies import ProxyFacts
from bdr_console.cluster.replication import Link
from bdr_console.cluster.text import format_bytes, format_seconds
from bdr_console.cluster.verdict.headline import sentence
from bdr_console.cluster.verdict.lag import lag_time_text
from bdr_console.plain.status_reader import READINGS, StatusReport
from bdr_console.plain.table import Column, laid, printable, table, wrapped
from bdr_console.plain.words import UNKEPT, WORDS, contact, link_state, node_state, plain_age, pool_state
from bdr_console.runbooks.operator_lock import describe

_ADMIN = "pgbouncer"
"""PgBouncer's own database, which serves nobody but the console."""
_NOT_KNOWN = "?"
_FOLDED = 4
"""Findings that are listed under the one that causes them; a dead node of fifty takes 98 links along."""


def page(report: StatusReport, width: int = 80, *, ascii_only: bool = False) -> list[str]:
    """Lines of `width` cells at most; the first one is the verdict and stands for itself."""
    head = [
        laid(headline(report, ascii_only=ascii_only), width, ascii_only=ascii_only).rstrip(),
        laid(printable(_about(report), ascii_only=ascii_only), width, ascii_only=ascii_only).rstrip(),
    ]
    parts = (
        _findings(report, width, ascii_only),
        _undertakings(report, width, ascii_only),
        *(
            table(columns, rows, width, ascii_only=ascii_only)
            for columns, rows in (_nodes(report), _links(report), _proxies(report), _poolers(report))
            if rows
        ),
    )
    for part in parts:
        head += ["", *part] if part else []
    return head


def headline(report: StatusReport, *, ascii_only: bool = False) -> str:
    """The verdict as one line: `DEGRADED: node1 -> node3 lags 48 MiB, 35 s (and 1 more)`."""
    return printable(report.headline, ascii_only=ascii_only)


def _about(report: StatusReport) -> str:
    snapshot = report.snapshot
    where = f" [{snapshot.environment}]" if snapshot.environment else ""
    times = f"{report.readings} reading{'' if report.readings == 1 else 's'}"
    few = " only" if 0 < report.readings < READINGS else ""
    return f"{snapshot.cluster}{where} at {report.now.astimezone():%Y-%m-%d %H:%M:%S %z}, {times}{few}"


def _findings(report: StatusReport, width: int, ascii_only: bool) -> list[str]:
    lines: list[str] = []
    for root in report.verdict.roots:
        mark = f"{WORDS[root.level]:<8}"
        said = sentence(root, None, report.now)
        lines += wrapped(said, width, first=mark, rest=" " * 8, ascii_only=ascii_only)
        if root.remedy:
            lines += wrapped(root.remedy, width, first="  NEXT  ", rest=" " * 8, ascii_only=ascii_only)
        folded = report.verdict.caused_by(root)
        for finding in folded[:_FOLDED]:
            lines += wrapped(
                finding.sentence, width, first=" " * 8 + "- ", rest=" " * 10, ascii_only=ascii_only
            )
        if len(folded) > _FOLDED:
            lines.append(f"        - and {len(folded) - _FOLDED} more that follow from it")
    return lines


def _undertakings(report: StatusReport, width: int, ascii_only: bool) -> list[str]:
    """Runs of this host, and who holds the operators' lock."""
    lines: list[str] = []
    told = [f"{run.run_id} of {run.subject} by {run.who}: {run.status.value}" for run in report.runs]
    marked = [("RUN     ", text) for text in told]
    if report.lock is not None:
        marked.append(("LOCK    ", describe(report.lock)))
    if report.unkept:
        marked.append(("NOTE    ", f"{UNKEPT}: {report.unkept}"))
    for mark, text in marked:
        lines += wrapped(text, width, first=mark, rest=" " * 8, ascii_only=ascii_only)
    return lines


Rows = Sequence[tuple[str, ...]]
Table = tuple[tuple[Column, ...], Rows]


def _nodes(report: StatusReport) -> Table:
    columns = (
        Column("NODE", gives=True),
        Column("STATE"),
        Column("ACTIVE", right=True),
        Column("SESS/MAX", right=True),
        Column("OLDEST TX", right=True),
        Column("ENGINE", gives=True),
        Column("ADDRESS"),
    )
    rows = []
    for node in report.snapshot.nodes:
        facts = node.facts
        state = contact(node, report.now, report.snapshot.refresh) or node_state(facts)
        sessions = facts.sessions if facts else None
        figures = (_NOT_KNOWN, _NOT_KNOWN, _NOT_KNOWN)
        if sessions is not None:
            oldest = sessions.oldest_transaction
            age = "-" if oldest is None else plain_age(oldest)
            figures = (str(sessions.active), f"{sessions.total}/{sessions.max_connections}", age)
        rows.append((node.name, state, *figures, facts.engine if facts else _NOT_KNOWN, node.address))
    return columns, rows


def _links(report: StatusReport) -> Table:
    columns = (
        Column("FROM -> TO", gives=True),
        Column("STATE"),
        Column("LAG", right=True),
        Column("TIME", right=True),
        Column("WAL KEPT", right=True),
        Column("WHY", gives=True),
    )
    rows = [
        (
            f"{link.origin} -> {link.target}",
            link_state(link, report.now),
            _lag(link),
            _lag_time(link),
            _NOT_KNOWN if link.retained_bytes is None else format_bytes(link.retained_bytes),
            link.reason,
        )
        for link in report.links
    ]
    return columns, rows


def _lag_time(link: Link) -> str:
    text = lag_time_text(link)
    return _NOT_KNOWN if text == "unknown" else text


def _lag(link: Link) -> str:
    if link.pending_rows is not None:
        return f"{link.pending_rows} rows"
    return _NOT_KNOWN if link.lag_bytes is None else format_bytes(link.lag_bytes)


def _proxies(report: StatusReport) -> Table:
    columns = (
        Column("HAPROXY SERVER", gives=True),
        Column("NODE", gives=True),
        Column("STATE"),
        Column("TAKES TRAFFIC", gives=True),
        Column("SESS", right=True),
        Column("CHECK"),
        Column("STICKY", gives=True),
    )
    return columns, [row for proxy in report.snapshot.proxies for row in _proxy(proxy, report)]


def _proxy(proxy: Observed[ProxyFacts], report: StatusReport) -> Rows:
    old = contact(proxy, report.now, report.snapshot.refresh)
    if proxy.facts is None:
        return [(proxy.name, "", old or "unknown", _NOT_KNOWN, _NOT_KNOWN, _NOT_KNOWN, "")]
    rows = []
    for server in proxy.facts.servers:
        stuck = [
            entry.key
            for entry in proxy.facts.stick or ()
            if entry.table == server.backend and entry.server == server.name
        ]
        takes, why = report.server_takes(proxy, server)
        word = {True: "yes", False: "no", None: _NOT_KNOWN}[takes]
        rows.append(
            (
                f"{proxy.name}/{server.backend}/{server.name}",
                server.node or _NOT_KNOWN,
                f"was {server.state.value}; {old}" if old else server.state.value,
                f"{word}: {why}" if why else word,
                str(server.sessions),
                server.check or "none",
                _NOT_KNOWN if proxy.facts.stick is None else "<- " + ", ".join(stuck) if stuck else "",
            )
        )
    return rows


def _poolers(report: StatusReport) -> Table:
    columns = (
        Column("POOL", gives=True),
        Column("STATE"),
        Column("CLIENTS", right=True),
        Column("WAIT", right=True),
        Column("MAXWAIT", right=True),
        Column("SERVERS", right=True),
        Column("IDLE", right=True),
        Column("MODE"),
    )
    return columns, [row for pooler in report.snapshot.poolers for row in _pooler(pooler, report)]


def _pooler(pooler: Observed[PoolerFacts], report: StatusReport) -> Rows:
    old = contact(pooler, report.now, report.snapshot.refresh)
    facts = pooler.facts
    if facts is None:
        return [(pooler.name, old or "unknown", *[_NOT_KNOWN] * 5, "")]
    databases = {database.name: database for database in facts.databases}
    pools = [pool for pool in facts.pools if pool.database != _ADMIN]
    used = {pool.database for pool in pools}
    rows = [
        (
            f"{pooler.name}/{pool.database} {pool.user}",
            old or pool_state(pool, databases.get(pool.database)),
            str(pool.clients_active),
            str(pool.clients_waiting),
            format_seconds(pool.max_wait) if pool.clients_waiting else "-",
            str(pool.servers),
            str(pool.servers_idle),
            pool.mode,
        )
        for pool in pools
    ]
    for name, database in databases.items():
        if name not in used and name != _ADMIN:
            state = "paused" if database.paused else "disabled" if database.disabled else "unused"
            rows.append((f"{pooler.name}/{name}", old or state, "0", "0", "-", "0", "0", ""))
    return rows or [(pooler.name, old or "up, unused", "0", "0", "-", "0", "0", "")]
