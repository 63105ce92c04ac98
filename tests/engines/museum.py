"""A museum: states captured from running servers, put up again as tables, so that the engines' own .sql files
can be run over them.

A capture is a folder of `<node>.<view>.csv` files (COPY ... CSV HEADER: an empty unquoted field is NULL).
For one node its rows are put into a real PostgreSQL: the engine's views in the engine's schema, those
that shadow pg_catalog (pg_stat_replication ...) in a schema `museum` that comes before it in the search path.
There the functions that tell of the server (its clock, its WAL position) answer as they did when the capture
was made. Each question is one transaction that is rolled back, so states do not meet.

    museum = Museum(postgres, Hall(schema="bdr", captures=CAPTURES / "bdr1", stand_ins=...))
    state = State(CAPTURES / "bdr1" / "14-node3-down", over=(CAPTURES / "bdr1" / "04-healthy",))
    snapshot = museum.snapshot(state, ("node1", "node2", "node3"), engine, down=("node3",))
"""

import csv
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.rows import DictRow, dict_row

from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.engines.core.facts import Answers
from bdr_console.engines.engine import Engine
from bdr_console.links.postgres import Rows, Unreadable
from tests.links.servers import Postgres

Connection = psycopg.Connection[DictRow]

_TYPES = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"owner_created_lock_at|acquired_lock_at|replay_upto|wal_insert|(.*_)?(lsn|location)", "pg_lsn"),
        (r"node_status", '"char"'),
        (r"(.*_)?xid|(.*_)?xmin|remote_txid", "xid"),
        (r"slot_name|plugin|datname|usename|database", "name"),
        (r"(.*_)?(timeline|tlid|dboid|datid|datoid|usesysid|rilocalid)", "oid"),
        (
            r"active|temporary|two_phase|waiting|unregistered|walsender_active|.*_is_.*|.*_read_only",
            "boolean",
        ),
        (r"in_use|failed|confirmed|emptied|.*enabled", "boolean"),
        (r"(write|flush|replay)_lag", "interval"),
        (r"now|.*_(time|start|change|committs)|.*_xact_at", "timestamptz"),
        (r"(.*_)?(pid|port|version_num|seq_id|lineno|cursorpos|delay|priority)|npeers.*", "integer"),
        (r"nr_.*|.*_bytes|conflict_id|lockcount|safe_wal_size|sync_error_count|apply_error_count", "bigint"),
        (r".*replication_sets|.*_origins", "text[]"),
        (r".*_tuple", "json"),
        (r"client_addr", "inet"),
    )
)
"""The type of a column by its name, the first that fits; text where none does. A hall may know better."""

_REACHED = ("confirmed_flush_lsn", "slot_confirmed_lsn", "sent_lsn", "sent_location")
_number = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Hall:
    """How the captures of one engine become a database."""

    schema: str
    """The engine's own: its views stand there, those whose names begin with pg_ in `museum`."""
    captures: Path
    """All captured states of the engine. Every view that any of them has exists in each, if empty."""
    database: str = "app"
    """The replicated one when it was captured."""
    relations: Mapping[str, str] = field(default_factory=dict)
    """Where a view stands otherwise, as schema.name."""
    types: Mapping[str, str] = field(default_factory=dict)
    """Types that the general list gets wrong, by column or view.column."""
    substitutes: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    """For a view that a state lacks: (a view it has, a SELECT with the named columns to make it of that)."""
    stale: Mapping[str, str] = field(default_factory=dict)
    """For a view whose rows come from another capture: SQL that deletes from its `_rows` what was true only
    then."""
    shared: Sequence[Path] = ()
    """Files that stand in `museum` for every node of every state, under their stem."""
    stand_ins: str = ""
    """SQL run when all views stand: functions of the engine, further views. museum.here (node, database, wal,
    clock) is there to be used."""


@dataclass(frozen=True, slots=True)
class State:
    """One captured state of a cluster."""

    folder: Path
    over: tuple[Path, ...] = ()
    """Captures whose rows stand in for the views that the state lacks, the first that has one."""
    clock: datetime | None = None
    """When it was captured, where its files do not say (node_info.now, or the latest time in any of them)."""

    def views(self, node: str) -> dict[str, Path]:
        """The files of one node by view, its own before those of `over`."""
        found: dict[str, Path] = {}
        for folder in (self.folder, *self.over):
            for path in sorted(folder.glob(f"{node}.*.csv")):
                found.setdefault(_view(path), path)
        return found

    def latest(self) -> datetime | None:
        """The latest time in any of the state's own files; where they hold none, in those of `over`."""
        found = (self._latest(folder) for folder in (self.folder, *self.over))
        return next((at for at in found if at), None)

    @staticmethod
    def _latest(folder: Path) -> datetime | None:
        times = [
            datetime.fromisoformat(word)
            for path in folder.glob("*.csv")
            for word in re.findall(
                r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?\+00(?!\d)", path.read_text("utf-8")
            )
        ]
        return max(times, default=None)


_CORE = """
CREATE TABLE museum.here (node text, database name, wal pg_lsn, clock timestamptz);
CREATE FUNCTION museum.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT clock FROM museum.here';
CREATE FUNCTION museum.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT clock FROM museum.here';
CREATE FUNCTION museum.pg_current_wal_insert_lsn() RETURNS pg_lsn LANGUAGE sql
    AS 'SELECT wal FROM museum.here';
CREATE FUNCTION museum.pg_current_wal_lsn() RETURNS pg_lsn LANGUAGE sql AS 'SELECT wal FROM museum.here';
CREATE FUNCTION museum.pg_current_wal_flush_lsn() RETURNS pg_lsn LANGUAGE sql
    AS 'SELECT wal FROM museum.here';
CREATE FUNCTION museum.pg_current_xlog_insert_location() RETURNS pg_lsn LANGUAGE sql
    AS 'SELECT wal FROM museum.here';
CREATE FUNCTION museum.pg_current_xlog_location() RETURNS pg_lsn LANGUAGE sql
    AS 'SELECT wal FROM museum.here';
CREATE FUNCTION museum.pg_last_xlog_replay_location() RETURNS pg_lsn LANGUAGE sql AS 'SELECT NULL::pg_lsn';
CREATE FUNCTION museum.pg_xlog_location_diff(pg_lsn, pg_lsn) RETURNS numeric LANGUAGE sql AS 'SELECT $1 - $2';
-- A captured session may have the number that ours has by chance.
CREATE FUNCTION museum.pg_backend_pid() RETURNS int LANGUAGE sql AS 'SELECT 0';
CREATE FUNCTION museum.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE FUNCTION museum.pg_postmaster_start_time() RETURNS timestamptz LANGUAGE sql
    AS $$SELECT clock - interval '1 day' - interval '1 microsecond' * hashtext(node) FROM museum.here$$;
-- The captures are older than this setting, whatever the server that shows them.
CREATE FUNCTION museum.current_setting(text, boolean) RETURNS text LANGUAGE sql
    AS $$SELECT CASE WHEN $1 <> 'output_plugin_libraries' THEN pg_catalog.current_setting($1, $2) END$$;
CREATE FUNCTION museum.current_database() RETURNS name LANGUAGE sql AS 'SELECT database FROM museum.here';
"""


class Museum:
    """Shows captured states in a database of its own on `postgres`; close it at the end."""

    def __init__(self, postgres: Postgres, hall: Hall) -> None:
        self._hall = hall
        database = f"museum{next(_number)}"
        postgres.run(f"CREATE DATABASE {database}")
        self._connection: Connection = psycopg.connect(postgres.dsn(database=database), row_factory=dict_row)
        self._columns: dict[str, list[str]] = {}
        self._build(self._connection)
        self._connection.commit()

    def close(self) -> None:
        """End the session."""
        self._connection.close()

    def answers(self, state: State, node: str, statements: Mapping[str, str]) -> Answers:
        """What `statements` answer on that node in that state."""
        connection = self._connection
        try:
            connection.execute("SET LOCAL search_path = museum, pg_catalog; SET LOCAL TimeZone = 'UTC'")
            self._put_up(connection, state, node)
            return {name: _asked(connection, text) for name, text in statements.items()}
        finally:
            connection.rollback()

    def facts(self, state: State, node: str, engine: Engine) -> NodeFacts:
        """One reading of that node in that state."""
        return engine.facts(self.answers(state, node, {**engine.statements(), **engine.seldom()}))

    def snapshot(
        self, state: State, nodes: Sequence[str], engine: Engine, *, down: Sequence[str] = ()
    ) -> Snapshot:
        """The whole cluster in that state, taken when the last node was read; `down` ones refuse."""
        read = {node: self.facts(state, node, engine) for node in nodes if node not in down}
        clocks = [facts.clock for facts in read.values() if facts.clock]
        observed: list[Observed[NodeFacts]] = []
        for node in nodes:
            address = f"{node}:5432"
            if node in read:
                seen = Observed(node, address, read[node], read[node].clock or max(clocks), took_ms=1.0)
            else:
                seen = Observed(node, address, error="connection refused")
            observed.append(seen)
        return Snapshot("museum", "test", max(clocks), 10.0, tuple(observed), (), ())

    def _build(self, connection: Connection) -> None:
        """Every schema, view and function, all empty."""
        hall = self._hall
        for schema in ("museum", hall.schema):
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
        connection.execute("SET LOCAL search_path = museum, pg_catalog")
        for path in sorted(hall.captures.glob("*/*.csv")):
            header = _header(path)
            known = self._columns.setdefault(_view(path), [])
            known += [column for column in header if column not in known]
        for path in hall.shared:
            self._columns[f"museum.{path.stem}"] = _header(path)
        for view, columns in self._columns.items():
            place = self._place(view)
            stored = sql.SQL(", ").join(
                sql.SQL("{} {}").format(sql.Identifier(f"_{column}"), sql.SQL(self._type(view, column)))
                for column in columns
            )
            # Shown as a view, because the column of a table cannot be called xmin.
            shown = sql.SQL(", ").join(
                sql.SQL("{} AS {}").format(sql.Identifier(f"_{column}"), sql.Identifier(column))
                for column in columns
            )
            table = sql.SQL(f"{place}_rows")
            connection.execute(sql.SQL("CREATE TABLE {} ({})").format(table, stored))
            connection.execute(
                sql.SQL("CREATE VIEW {} AS SELECT {} FROM {}").format(sql.SQL(place), shown, table)
            )
        for path in hall.shared:
            self._fill(connection, f"museum.{path.stem}", path)
        connection.execute(_CORE + hall.stand_ins)

    def _place(self, view: str) -> str:
        if "." in view:
            return view
        schema = (
            "museum" if view.startswith("pg_") or view in ("node_info", "slot_lag") else self._hall.schema
        )
        return self._hall.relations.get(view, f"{schema}.{view}")

    def _type(self, view: str, column: str) -> str:
        own = self._hall.types
        known = own.get(f"{view}.{column}") or own.get(column)
        return known or next((kind for pattern, kind in _TYPES if pattern.fullmatch(column)), "text")

    def _put_up(self, connection: Connection, state: State, node: str) -> None:
        """The rows of one node in one state."""
        views = state.views(node)
        own = {view for view, path in views.items() if path.parent == state.folder}
        rank = {view: (state.folder, *state.over).index(path.parent) for view, path in views.items()}
        made = {
            view: text
            for view, sources in self._hall.substitutes.items()
            for source, text in sources[::-1]
            if source in rank and rank[source] < rank.get(view, len(state.over) + 1)
        }
        for view, path in views.items():
            if view not in made:
                self._fill(connection, view, path)
                if view not in own and view in self._hall.stale:
                    connection.execute(self._hall.stale[view].encode())
        for view, text in made.items():
            self._make(connection, view, text)
        wal, clock = self._moment(connection, own | set(made), set(views))
        connection.execute(
            "INSERT INTO museum.here VALUES (%s, %s, coalesce(%s::pg_lsn, '0/0'), %s)",
            [node, self._hall.database, wal, state.clock or clock or state.latest()],
        )

    def _fill(self, connection: Connection, view: str, path: Path) -> None:
        copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, HEADER)").format(
            sql.SQL(f"{self._place(view)}_rows"), _stored(_header(path))
        )
        with connection.cursor().copy(copy) as into:
            into.write(path.read_bytes())

    def _make(self, connection: Connection, view: str, text: str) -> None:
        """Rows of a view that the capture lacks, made of another one."""
        rows = connection.execute(text.encode()).fetchall()
        for row in rows:
            statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                sql.SQL(f"{self._place(view)}_rows"),
                _stored(row),
                sql.SQL(", ").join(sql.Placeholder() for _ in row),
            )
            connection.execute(statement, list(row.values()))

    def _moment(
        self, connection: Connection, own: set[str], shown: set[str]
    ) -> tuple[str | None, datetime | None]:
        """The WAL position and the time of a capture. Where it does not say, or its slots come from another
        one, the slots tell how far the WAL reaches at least: the same, where nothing is outstanding."""
        clock = None
        if "node_info" in own:
            row = connection.execute("SELECT wal_insert, now FROM museum.node_info").fetchone()
            clock = row["now"] if row else None
            if row and any(view.endswith("slots") for view in own):
                return row["wal_insert"], clock
        reached = [
            sql.SQL("SELECT {} AS at FROM {}").format(sql.Identifier(column), sql.SQL(self._place(view)))
            for view in sorted(own if any(view.endswith("slots") for view in own) else shown)
            if view.endswith(("slots", "slot_lag", "pg_stat_replication"))
            for column in _REACHED
            if column in self._columns[view]
        ]
        if not reached:
            return None, clock
        union = sql.SQL(" UNION ALL ").join(reached)
        row = connection.execute(sql.SQL("SELECT max(at) AS at FROM ({}) x").format(union)).fetchone()
        return (row["at"] if row else None), clock


def _view(path: Path) -> str:
    """node1.pg_stat_replication.csv -> pg_stat_replication."""
    return path.name.split(".", 1)[1].removesuffix(".csv")


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file))


def _stored(columns: Iterable[str]) -> sql.Composable:
    return sql.SQL(", ").join(sql.Identifier(f"_{column}") for column in columns)


def _asked(connection: Connection, text: str) -> Rows | Unreadable:
    try:
        with connection.transaction():
            return connection.execute(text.encode()).fetchall()
    except psycopg.Error as error:
        return Unreadable(error.diag.message_primary or str(error), error.sqlstate or "")
