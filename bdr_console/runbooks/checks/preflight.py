"""What a run must know of the SSH hosts on its way: it logs in by itself, with nobody to ask. Pure."""

from collections.abc import Iterator

from bdr_console.config import ClusterSettings
from bdr_console.links.factory import tls_given_up
from bdr_console.links.ssh_route import Login
from bdr_console.runbooks.checks.clients import blast_radius, clients, node_sessions
from bdr_console.runbooks.checks.nodes import nodes, taking
from bdr_console.runbooks.checks.poolers import poolers
from bdr_console.runbooks.checks.proxies import proxies, servers, session_cuts
from bdr_console.runbooks.checks.replication import replication
from bdr_console.runbooks.model.reading import Area, Reading
from bdr_console.runbooks.model.reading_queries import error_of
from bdr_console.runbooks.model.run import Check, Outcome
from bdr_console.runbooks.model.step import Plan
from bdr_console.runbooks.plan.modes import mode_checks

ALL_PARTS = (
    Area.NODES
    | Area.PROXIES
    | Area.SESSIONS
    | Area.POOLERS
    | Area.CONNECTIONS
    | Area.ACTIVITY
    | Area.RIGHTS
    | Area.BACKENDS
    | Area.OBSTACLES
    | Area.SETTINGS
    | Area.FILES
)
"""What `preflight` needs to have been read."""


def refuses(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    """The checks that forbid to start. What could not be told forbids it too: it is told at once by a second
    try, and a switchover is never urgent."""
    return tuple(check for check in checks if check.outcome in (Outcome.FAIL, Outcome.UNKNOWN))


def preflight(reading: Reading, made: Plan, settings: ClusterSettings) -> tuple[Check, ...]:
    """How much moves, then every check in the order proxies, poolers, nodes, replication, clients."""
    return (
        blast_radius(reading, made, settings),
        *mode_checks(made, settings),
        *proxies(reading, made),
        *session_cuts(reading, made),
        *poolers(reading, settings),
        *nodes(reading, made, settings),
        *replication(reading, made, settings),
        *clients(reading, made, settings),
        *node_sessions(reading, made, settings),
    )


_WHY = "The run is a process of its own: it makes its own SSH connections, also after you have left."


def check_ssh(reading: Reading, settings: ClusterSettings, *, pauses: bool) -> Iterator[Check]:
    """One check for each SSH host that let us in, for each PgBouncer behind one where the plan `pauses`, and
    for TLS that a DSN asks for and does not get."""
    for host, login in reading.logins.items():
        yield _login(host, login)
    if pauses:
        for pooler, why_none in reading.unguarded.items():
            yield _guarded(pooler, why_none, settings.via_of(settings.poolers[pooler]) or "")
    if given_up := tls_given_up(settings):
        remedy = (
            "SSH encrypts up to its host; beyond it the bytes are plain. Choose a host next to the server."
        )
        title = "TLS is used where the DSN asks for it"
        yield Check(
            title, Outcome.WARN, "; ".join(given_up), "Others in that network could read along.", remedy
        )


def _guarded(pooler: str, why_none: str, host: str) -> Check:
    title = f"clients of {pooler} go on even if SSH breaks in the pause"
    why = "Over a broken connection nobody here could send RESUME: a watchdog on the other side does."
    if not why_none:
        return Check(title, Outcome.PASS, f"psql is on {host}: a watchdog will run there", why)
    seen = f"no watchdog can run on {host} ({why_none}): they would wait until query_wait_timeout"
    return Check(title, Outcome.WARN, seen, why, f"Install psql (postgresql-client) on {host}.")


def _login(host: str, login: Login) -> Check:
    title = f"the run can log in to {host} by itself"
    if not login.unattended:
        remedy = f"ssh-add {login.source}, then start the console again; or a key without a passphrase."
        seen = f"{login.source} needs a passphrase, and nobody can be asked"
        return Check(title, Outcome.FAIL, seen, _WHY, remedy)
    if login.source == "agent":
        remedy = "Stay logged in until it is over (tmux), or use a key file: an agent ends with its session."
        return Check(title, Outcome.WARN, "with a key of your agent, while that lives", _WHY, remedy)
    return Check(title, Outcome.PASS, f"with {login.source}", _WHY)


def isolation_checks(reading: Reading, made: Plan) -> tuple[Check, ...]:
    """The few that count in an emergency: somebody else takes the traffic. What does not answer is a warning,
    because every second counts and the others can be commanded."""
    title = f"{made.node} is dead"
    if reading.node(made.node) is None:
        alive = Check(title, Outcome.PASS, f"it does not answer ({error_of(reading, made.node)})")
    else:
        why = (
            "Its clients are cut in the middle of their transactions, and nothing waits for its last writes."
        )
        alive = Check(title, Outcome.WARN, "it answers", why, "A switchover fails and loses nothing.")
    return (alive, *_commanded_proxies(reading, made), *taking(reading, made), *_commanded_poolers(reading))


def _commanded_proxies(reading: Reading, made: Plan) -> Iterator[Check]:
    for proxy in reading.snapshot.proxies:
        facts = reading.proxy(proxy.name)
        if facts is not None:
            yield from servers(reading, made, proxy.name, facts)
            continue
        yield Check(
            f"HAProxy {proxy.name} can be commanded",
            Outcome.WARN,
            proxy.error or "not read",
            f"What it carries to {made.node} stays there.",
            "If it serves clients, stop it or take its address away from them.",
        )


def _commanded_poolers(reading: Reading) -> Iterator[Check]:
    for pooler in reading.snapshot.poolers:
        if pooler.error or pooler.facts is None:
            yield Check(
                f"PgBouncer {pooler.name} can be commanded",
                Outcome.WARN,
                pooler.error or "not read",
                "HAProxy cuts its connections; it may rest for server_login_retry before it tries again.",
                "Nothing: the others are not held up by it.",
            )
