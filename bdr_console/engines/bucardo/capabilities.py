"""How databases that Bucardo replicates are managed: the `bucardo` command, on the host of its daemon."""

from collections.abc import Iterable

from bdr_console.engines.capability import (
    Act,
    Capability,
    Precondition,
    Statement,
    Unavailable,
    Version,
    Where,
)

_RUN = "run on Bucardo 5.6.0, PostgreSQL 15"
_DOC = "Bucardo's own manual page; not run"

_ADD_DATABASE = (
    "bucardo add db {node} dbname={database} host={host} port={port} user={user}",
    "bucardo add dbgroup {group} {node}:source",
)


def _commands(*texts: str) -> tuple[Statement, ...]:
    return tuple(Statement(text, Where.HOST) for text in texts)


def capabilities(_version: Version) -> Iterable[Capability | Unavailable]:
    """Of Bucardo 5."""
    yield Capability(
        Act.CREATE_GROUP,
        _commands(
            *_ADD_DATABASE,
            "bucardo add all tables db={node} relgroup={relgroup}",
        ),
        _RUN,
        (
            Precondition("`bucardo install` has made the control database"),
            Precondition("every table has a primary key"),
        ),
        ("A sync wants two databases: it is added with the first join. Passwords belong in .pgpass files.",),
    )
    yield Capability(
        Act.JOIN,
        _commands(
            *_ADD_DATABASE,
            "bucardo add sync {sync} relgroup={relgroup} dbs={group} conflict_strategy=bucardo_latest",
            "bucardo restart",
        ),
        "run on Bucardo 5.6.0 for the first two databases; a further one: its manual page",
        (
            Precondition("the database holds the same tables and rows: Bucardo sends changes, no copy"),
            Precondition("no client writes between that copy and the new sync's start"),
        ),
        ("An existing sync takes a new database up at its next validation: bucardo validate, then restart.",),
    )
    yield Capability(
        Act.WAIT_JOINED,
        _commands("bucardo kick {sync} {seconds}"),
        _RUN,
        notes=(
            (
                "Exit code 0 when a run was finished, 1 when the time was up; `bucardo status`"
                " says Good either way."
            ),
        ),
    )
    yield Capability(
        Act.PART,
        _commands("bucardo deactivate {sync}", "bucardo remove db {node} --force", "bucardo restart"),
        _DOC,
        (Precondition("no row waits for the other databases: see the delta tables"),),
        ("Its triggers and delta tables stay in the database, and grow: drop schema bucardo there.",),
    )
    yield Capability(
        Act.DROP,
        (Statement("DROP SCHEMA bucardo CASCADE", Where.NODE),),
        _DOC,
        (
            Precondition(
                "this is no control database",
                "SELECT count(*) = 0 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE n.nspname = 'bucardo' AND c.relname = 'sync'",
            ),
        ),
        ("The triggers on users' tables go with the functions they call.",),
    )
    for act in (Act.READ_ONLY, Act.READ_WRITE):
        yield Unavailable(act, "Bucardo has no read-only mark for a database: take it out of HAProxy")
    yield Capability(
        Act.PAUSE,
        _commands("bucardo pause {sync}"),
        _RUN,
        notes=("The whole sync, both ways. `bucardo status` keeps saying Good.",),
    )
    yield Capability(Act.RESUME, _commands("bucardo resume {sync}", "bucardo kick {sync} {seconds}"), _RUN)
    yield Unavailable(
        Act.WAIT_CONFIRMED, "Bucardo knows no WAL positions: kick the sync and see that no delta row waits"
    )
    for act in (Act.LEAD, Act.FENCE, Act.UNFENCE):
        yield Unavailable(act, "Bucardo has no write leader: HAProxy decides who is written to")
