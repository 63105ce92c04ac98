"""The pane of PgBouncer: clients that are served, clients that wait, and connections still to be closed."""

from collections.abc import Sequence
from dataclasses import replace

from bdr_console.cluster.observed import Observed
from bdr_console.cluster.poolers import Pool, PoolDatabase, PoolerFacts
from bdr_console.cluster.text import counted, format_seconds
from bdr_console.cluster.verdict.findings import Finding
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.text.cells import BLANK, QUESTION, Cell, PaneColumn, Row, Subject, SubjectKind
from bdr_console.ui.text.words import figure, unseen, unseen_for
from bdr_console.ui.theming.styles import Tone
from bdr_console.ui.widgets.pane import Pane, empty_row

_ADMIN = "pgbouncer"
"""PgBouncer's own database, which serves nobody but the console."""

_POOL = PaneColumn("pool", "Pool", 12, fits_names=True)
_STATE = PaneColumn("state", "State", 16)
_MODE = PaneColumn("mode", "Mode", 11)
_ACTIVE = PaneColumn("active", "Cl act", 6, "right")
_WAITING = PaneColumn("waiting", "Wait", 4, "right")
_SV_ACTIVE = PaneColumn("sv_active", "Sv act", 6, "right")
_SV_IDLE = PaneColumn("sv_idle", "Idle", 4, "right")
_CLOSE = PaneColumn("close", "Close", 5, "right")
_MAX_WAIT = PaneColumn("max_wait", "MaxWait", 7, "right")


class PgBouncer(Pane):
    """Each pool of each PgBouncer. `Close` counts server connections that RECONNECT has flagged."""

    NUMBER, TITLE, SHORT = 5, "PgBouncer", "Pools"
    COLUMNS = (
        (
            _POOL,
            _STATE,
            _MODE,
            _ACTIVE,
            _WAITING,
            _SV_ACTIVE,
            _SV_IDLE,
            PaneColumn("sv_used", "Used", 4, "right"),
            PaneColumn("sv_login", "Login", 5, "right"),
            _CLOSE,
            _MAX_WAIT,
            PaneColumn("leads", "Leads to", 15),
        ),
        (_POOL, _STATE, _MODE, _ACTIVE, _WAITING, _SV_ACTIVE, _SV_IDLE, _CLOSE, _MAX_WAIT),
        (_POOL, _STATE, _ACTIVE, _WAITING, _SV_ACTIVE, _SV_IDLE, _CLOSE, _MAX_WAIT),
        (_POOL, _STATE, _ACTIVE, _WAITING, _SV_ACTIVE, _CLOSE),
    )

    def rows(self, judged: JudgedSnapshot) -> Sequence[Row]:
        """For each PgBouncer one row of its own, then its pools."""
        found = [row for pooler in judged.snapshot.poolers for row in rows(pooler, judged)]
        return found or [empty_row("pool", "no PgBouncer is configured")]

    def findings(self, judged: JudgedSnapshot) -> Sequence[Finding]:
        """What is wrong with poolers and pools."""
        names = {pooler.name for pooler in judged.snapshot.poolers}
        return [finding for finding in judged.verdict.findings if finding.subject.split("/")[0] in names]


def rows(pooler: Observed[PoolerFacts], judged: JudgedSnapshot) -> list[Row]:
    """One PgBouncer as rows: a line of its own, and its pools under it."""
    old = unseen(pooler, judged.now, judged.snapshot.refresh, judged.glyphs)
    facts = pooler.facts
    if facts is None:
        state = old or unseen_for(None, failed=False, glyphs=judged.glyphs)
        unknown = dict.fromkeys(("active", "waiting", "sv_active", "sv_idle", "close", "max_wait"), QUESTION)
        cells = {"pool": Cell(pooler.name), "state": state} | unknown
        return [Row(pooler.name, cells, f"{pooler.name} ({pooler.address}): {judged.reasons(pooler.name)}")]
    databases = {database.name: database for database in facts.databases}
    pools = [pool for pool in facts.pools if pool.database != _ADMIN]
    users = {pool.database: sum(other.database == pool.database for other in pools) for pool in pools}
    lines = [_pooler_row(pooler, facts, pools, old, judged)]
    for pool in pools:
        name = f"  {pool.database}" + (f" ({pool.user})" if users[pool.database] > 1 else "")
        lines.append(_pool_row(pooler.name, name, pool, databases.get(pool.database), judged))
    lines += [
        _idle_row(pooler.name, database, judged)
        for database in facts.databases
        if database.name not in users and database.name != _ADMIN
    ]
    return [line.aged("state") for line in _dated(lines, old)] if old else lines


def _dated(lines: list[Row], old: Cell) -> list[Row]:
    return [
        replace(line, cells=dict(line.cells) | {"state": old}, detail=f"{line.detail} (old)")
        for line in lines
    ]


def _pooler_row(
    pooler: Observed[PoolerFacts],
    facts: PoolerFacts,
    pools: list[Pool],
    old: Cell | None,
    judged: JudgedSnapshot,
) -> Row:
    cells = {
        "pool": Cell(pooler.name),
        "state": old or Cell(f"{judged.glyphs.up} up", Tone.UP),
        "active": figure(sum(pool.clients_active for pool in pools)),
        "waiting": figure(sum(pool.clients_waiting for pool in pools)),
        "sv_active": figure(sum(pool.servers_active for pool in pools)),
        "sv_idle": figure(sum(pool.servers_idle for pool in pools)),
        "leads": BLANK,
    }
    detail = f"{pooler.name} ({pooler.address}), PgBouncer {facts.version}"
    if reasons := judged.reasons(pooler.name):
        detail += f": {reasons}"
    return Row(f"{pooler.name}/", cells, detail, subject=Subject(SubjectKind.POOL, (pooler.name, "", "")))


def _pool_row(
    pooler: str, name: str, pool: Pool, database: PoolDatabase | None, judged: JudgedSnapshot
) -> Row:
    cells = {
        "pool": Cell(name),
        "state": _state(pool, database, judged),
        "mode": Cell(pool.mode),
        "active": figure(pool.clients_active),
        "waiting": Cell(
            str(pool.clients_waiting), Tone.LAG if pool.clients_waiting else Tone.PLAIN, pool.clients_waiting
        ),
        "sv_active": figure(pool.servers_active),
        "sv_idle": figure(pool.servers_idle),
        "sv_used": figure(pool.servers_used + pool.servers_tested),
        "sv_login": figure(pool.servers_login),
        "close": figure(pool.close_needed)
        if not pool.close_needed
        else Cell(str(pool.close_needed), Tone.LAG, pool.close_needed),
        "max_wait": Cell(format_seconds(pool.max_wait), rank=pool.max_wait)
        if pool.clients_waiting
        else Cell("-"),
        "leads": _leads(database),
    }
    subject = f"{pooler}/{pool.database}"
    detail = f"{subject} as {pool.user}, {pool.mode} pool: {_wait(pool.clients_waiting)}"
    detail += (
        ", close-needed is not shown by this PgBouncer"
        if pool.close_needed is None
        else (f", {pool.close_needed} of {counted(pool.servers, 'server connection')} still to be closed")
    )
    if reasons := judged.reasons(subject):
        detail += f"; {reasons}"
    about = Subject(SubjectKind.POOL, (pooler, pool.database, pool.user))
    return Row(f"{subject}/{pool.user}", cells, detail, subject=about, under=f"{pooler}/")


def _wait(clients: int) -> str:
    return "1 client waits" if clients == 1 else f"{clients} clients wait"


def _state(pool: Pool, database: PoolDatabase | None, judged: JudgedSnapshot) -> Cell:
    if database is not None and database.paused:
        return Cell(f"{judged.glyphs.held} paused", Tone.LAG)
    if database is not None and database.disabled:
        return Cell(f"{judged.glyphs.down} disabled", Tone.BAD)
    if pool.clients_waiting:
        return Cell(f"{judged.glyphs.lag} clients wait", Tone.LAG)
    if pool.close_needed:
        return Cell(f"{judged.glyphs.lag} closing", Tone.LAG)
    return Cell(f"{judged.glyphs.up} ok", Tone.UP)


def _idle_row(pooler: str, database: PoolDatabase, judged: JudgedSnapshot) -> Row:
    state = Cell("- no pool yet", Tone.STALE)
    if database.paused:
        state = Cell(f"{judged.glyphs.held} paused", Tone.LAG)
    elif database.disabled:
        state = Cell(f"{judged.glyphs.down} disabled", Tone.BAD)
    cells = {"pool": Cell(f"  {database.name}"), "state": state, "leads": _leads(database)}
    detail = f"{pooler}/{database.name}: nobody has used it yet"
    about = Subject(SubjectKind.POOL, (pooler, database.name, ""))
    return Row(f"{pooler}/{database.name}//", cells, detail, subject=about, under=f"{pooler}/")


def _leads(database: PoolDatabase | None) -> Cell:
    if database is None or database.host is None:
        return BLANK
    return Cell(f"{database.host}:{database.port}")
