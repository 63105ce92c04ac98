"""The preflight of PgBouncer: rights, version, processes, pauses. Pure."""

from collections.abc import Iterator

from bdr_console.cluster.poolers import PoolerFacts, looks_quiesced
from bdr_console.cluster.text import counted, format_seconds
from bdr_console.config import ClusterSettings
from bdr_console.links.pgbouncer_names import command_name
from bdr_console.runbooks.model.reading import PoolerSetup, Reading
from bdr_console.runbooks.model.reading_queries import routed_databases
from bdr_console.runbooks.model.run import Check, Outcome

_RECONNECT_SINCE = 10900
_LOOKS_PAUSED = 1.0
"""Seconds that clients wait beside idle server connections before it looks like a pause of everything."""


def poolers(reading: Reading, settings: ClusterSettings) -> Iterator[Check]:
    """Every check of every PgBouncer."""
    for pooler in reading.snapshot.poolers:
        title = f"PgBouncer {pooler.name} can be commanded"
        why = "Its clients would stay on the node until they disconnect by themselves."
        rights = reading.rights.get(f"pgbouncer/{pooler.name}")
        if pooler.facts is None or pooler.error:
            yield Check(
                title, Outcome.UNKNOWN, pooler.error or "not read", why, "Make its console reachable."
            )
            continue
        if rights is None or rights.may_act is None:
            seen = rights.said if rights else "SHOW CONFIG was not answered"
            yield Check(title, Outcome.UNKNOWN, seen, why, "Name a user of admin_users in the DSN.")
        elif not rights.may_act:
            remedy = "Name the user in admin_users of its configuration and reload."
            yield Check(title, Outcome.FAIL, rights.said, why, remedy)
        elif rights.version < _RECONNECT_SINCE:
            remedy = "Upgrade PgBouncer to 1.9 or later."
            yield Check(
                title, Outcome.FAIL, f"PgBouncer {pooler.facts.version} has no RECONNECT", why, remedy
            )
        else:
            yield Check(title, Outcome.PASS, f"{rights.said}, PgBouncer {pooler.facts.version}", why)
        setup = reading.setups.get(pooler.name)
        if setup is not None:
            yield _process(pooler.name, setup)
        yield _paused(pooler.name, pooler.facts, setup, settings)
        yield from _unnameable(pooler.name, pooler.facts, settings)
    yield from left_settings(reading)


def _unnameable(pooler: str, facts: PoolerFacts, settings: ClusterSettings) -> Iterator[Check]:
    """Databases that no command can name: only a `*` entry lets clients use such a name."""
    names = [d.name for d in routed_databases(facts, settings) if command_name(d.name) is None]
    if names:
        yield Check(
            f"a command can name every database of {pooler}",
            Outcome.FAIL,
            ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else ""),
            "Nothing could pause it or move its server connections.",
            "Have these clients leave, or give the database a plain name in PgBouncer's configuration.",
        )


def left_settings(reading: Reading) -> Iterator[Check]:
    """A line for each PgBouncer that a killed quiesce may have left with one connection for each pool."""
    for name, settings in reading.settings.items():
        if looks_quiesced(settings):
            yield Check(
                f"PgBouncer {name} has its own settings",
                Outcome.FAIL,
                "server_login_retry is 0 and default_pool_size is 1, as a quiesce sets them",
                "A run that died has left them: clients queue for one connection in each pool, and this run "
                "would take them for the pooler's own.",
                "Undo that run (o on the overview, or bdr-console undo), or RELOAD on its console.",
            )


def _process(pooler: str, setup: PoolerSetup) -> Check:
    title = f"PgBouncer {pooler} is one process"
    why = "A command reaches one process; the clients of the others would stay on the node."
    remedy = "Configure each process as a pooler of its own, by its own UNIX socket or port."
    if setup.processes > 1:
        seen = f"{setup.processes} different processes answered at the same address"
        return Check(title, Outcome.FAIL, seen, why, remedy)
    if setup.reuse_port and not setup.by_socket:
        seen = "so_reuseport is on: which process answers at this port is chance"
        return Check(title, Outcome.FAIL, seen, why, remedy)
    if setup.reuse_port:
        seen = "reached by its own socket, but so_reuseport is on: others may share its port"
        return Check(title, Outcome.WARN, seen, why, "Look that every one of them is configured here.")
    return Check(title, Outcome.PASS, "the same process answered each time, so_reuseport is off", why)


def _paused(pooler: str, facts: PoolerFacts, setup: PoolerSetup | None, settings: ClusterSettings) -> Check:
    """A PAUSE of all databases shows only in SHOW STATE; asking for it by a command would be an act."""
    title = f"nothing is paused on {pooler}"
    why = "A paused pool keeps its server connections, and its clients wait already."
    remedy = "RESUME (or ENABLE) it first, or ask who paused it."
    routed = routed_databases(facts, settings)
    stopped = [database.name for database in routed if database.paused or database.disabled]
    if stopped:
        return Check(title, Outcome.FAIL, f"paused or disabled: {', '.join(stopped)}", why, remedy)
    if setup is not None and setup.paused:
        return Check(title, Outcome.FAIL, "all databases are paused or suspended (SHOW STATE)", why, remedy)
    seen = f"{counted(len(routed), 'database')} routed here, none is paused"
    if setup is not None and setup.paused is False:
        return Check(title, Outcome.PASS, seen, why)
    names = {database.name for database in routed}
    odd = [
        pool
        for pool in facts.pools
        if pool.database in names and pool.clients_waiting and pool.servers_idle
        and pool.max_wait >= _LOOKS_PAUSED
    ]  # fmt: skip
    if odd:
        waited = format_seconds(max(pool.max_wait for pool in odd))
        seen = f"clients wait for {waited} beside idle server connections: a PAUSE of all databases looks so"
        return Check(title, Outcome.WARN, seen, why, remedy)
    seen += "; a PAUSE of all databases cannot be seen before PgBouncer 1.19"
    return Check(title, Outcome.PASS, seen, why)
