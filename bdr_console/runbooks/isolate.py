"""The emergency isolation of a node that is dead already: nothing is waited for that only it could tell.

Its servers are disabled, its sessions are shut down (their clients get `server conn crashed?`; the node would
not have answered them any more), and every PgBouncer replaces what connections are left. Nobody asks the
node, and nothing is proved about its last writes: what its peers had not received is missing there until it
is back. The one rule that stays: never the last server that can take traffic.
"""

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.config import ClusterSettings
from bdr_console.runbooks.checks import emergency
from bdr_console.runbooks.hold import Hold, HoldTerms
from bdr_console.runbooks.pool_settings import AT_ONCE, Setting
from bdr_console.runbooks.reading import Part, Reading
from bdr_console.runbooks.run import Check, Command, Outcome
from bdr_console.runbooks.seen import Subject, state_line
from bdr_console.runbooks.step import Act, Observation, OnTimeout, Plan, Proof, Step, StepPlan, World
from bdr_console.runbooks.switchover import plan as plan_switchover
from bdr_console.runbooks.switchover_back import Enable, Ready
from bdr_console.runbooks.switchover_out import Disable, Reconnect
from bdr_console.runbooks.ways_out import Remembered, changes, routes_of

RUNBOOK = "isolate"
_ASKS = OnTimeout.ASK


def plan(
    snapshot: Snapshot, settings: ClusterSettings, node: str, *, remembered: Remembered | None = None
) -> Plan:
    """Every step of an isolation of `node`, with the exact command for each host. Pure.

    Raises ConsoleError as a switchover does.
    """
    whole = plan_switchover(snapshot, settings, node, "gradual")
    disable = whole.step("disable")
    # A pool whose server died rests for 15 s (server_login_retry).
    quick = changes(routes_of(snapshot, settings), AT_ONCE, remembered or {})
    back = tuple(Act(a.kind, a.target, a.subject, a.undo) for a in quick if a.undo)
    steps = (
        StepPlan("disable", disable.title, disable.acts, deadline=10.0),
        StepPlan(
            "cut",
            f"Shut down every session on {node}",
            tuple(_shutdown(act) for act in disable.acts),
            deadline=10.0,
            on_timeout=_ASKS,
            together=True,
            no_return=True,
        ),
        StepPlan(
            "prepare",
            "Have every PgBouncer try again at once where a login fails",
            quick,
            deadline=5.0,
            on_timeout=_ASKS,
            together=True,
        ),
        StepPlan(
            "reconnect", whole.step("reconnect").title, whole.step("reconnect").acts, 15.0, on_timeout=_ASKS
        ),
        StepPlan(
            "restore",
            "Put the settings of every PgBouncer back",
            back,
            deadline=10.0,
            on_timeout=_ASKS,
            together=True,
        ),
        StepPlan("hold", f"{node} is isolated: repair it, then go on", holds=True),
        whole.step("ready"),
        whole.step("enable"),
    )
    routes = tuple(note for note in whole.notes if "new connections" in note or "left so" in note)
    lost = f"Writes of {node} that its peers have not received are missing there until it is back."
    return Plan(RUNBOOK, whole.cluster, whole.environment, node, steps, (lost, *routes))


def steps(made: Plan, settings: ClusterSettings, terms: HoldTerms | None = None) -> tuple[Step, ...]:
    """The plan's steps as the engine runs them."""
    disable = Disable(made.step("disable"), made.node)
    subjects = tuple((act.target, act.subject) for act in disable.plan.acts)
    return (
        disable,
        Cut(made.step("cut"), subjects),
        Setting(made.step("prepare")),
        Reconnect(made.step("reconnect"), subjects),
        Setting(made.step("restore")),
        Hold(made.step("hold"), made.node, subjects, terms or HoldTerms()),
        Ready(made.step("ready"), made.node, settings.thresholds.thresholds()),
        Enable(made.step("enable"), made.node, disable),
    )


def checks(reading: Reading, made: Plan) -> tuple[Check, ...]:
    """The few that count in an emergency: HAProxy can be commanded, and somebody takes the traffic."""
    title = f"{made.node} is dead"
    if reading.node(made.node) is None:
        alive = Check(title, Outcome.PASS, "it does not answer")
    else:
        why = (
            "Its clients are cut in the middle of their transactions, and nothing waits for its last writes."
        )
        alive = Check(title, Outcome.WARN, "it answers", why, "A switchover fails and loses nothing.")
    return (alive, *emergency(reading, made))


class Cut(Step):
    """No session is left on the node's servers, on every HAProxy."""

    def __init__(self, plan: StepPlan, leaving: tuple[Subject, ...]) -> None:
        super().__init__(plan)
        self._leaving = leaving
        self._open: tuple[Act, ...] = plan.acts

    async def observe(self, world: World) -> Observation:
        reading = await world.read(Part.PROXIES)
        servers = {act: reading.server(act.target, act.subject) for act in self.plan.acts}
        self._open = tuple(act for act, server in servers.items() if server and server.sessions)
        lines = tuple(state_line(reading, subject) for subject in self._leaving)
        if self._open:
            return Observation(Proof.UNMET, lines)
        return Observation(Proof.UNKNOWN if None in servers.values() else Proof.MET, lines)

    def needed(self) -> tuple[Act, ...]:
        return self._open


def _shutdown(disable: Act) -> Act:
    text = f"shutdown sessions server {disable.subject}"
    return Act("haproxy", disable.target, disable.subject, Command(disable.command.host, text))
