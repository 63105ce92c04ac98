"""The preflight: what must hold before a node is taken out, each line with what was seen. Pure.

Every line passes, warns, fails, or says that it could not tell; see `refuses` for what forbids to start.
"""

from bdr_console.config import ClusterSettings
from bdr_console.runbooks.checks_clients import blast_radius, clients
from bdr_console.runbooks.checks_cuts import session_cuts
from bdr_console.runbooks.checks_nodes import nodes
from bdr_console.runbooks.checks_poolers import poolers
from bdr_console.runbooks.checks_proxies import proxies
from bdr_console.runbooks.checks_replication import replication
from bdr_console.runbooks.checks_sessions import node_sessions
from bdr_console.runbooks.modes import mode_checks
from bdr_console.runbooks.reading import Part, Reading
from bdr_console.runbooks.run import Check, Outcome
from bdr_console.runbooks.step import Plan

ALL_PARTS = (
    Part.NODES
    | Part.PROXIES
    | Part.SESSIONS
    | Part.POOLERS
    | Part.CONNECTIONS
    | Part.ACTIVITY
    | Part.RIGHTS
    | Part.BACKENDS
    | Part.OBSTACLES
    | Part.SETTINGS
    | Part.FILES
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
