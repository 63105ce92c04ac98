"""The emergency isolation of a node that is dead already: nothing is waited for that only it could tell.

Its servers are disabled, its sessions are shut down (their clients get `server conn crashed?`; the node would
not have answered them any more), and every PgBouncer replaces what connections are left. Nobody asks the
node, and nothing is proved about its last writes: what its peers had not received is missing there until it
is back. The one rule that stays: never the last server that can take traffic.
"""

from collections.abc import Mapping
from typing import Any

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.config import ClusterSettings
from bdr_console.runbooks.model.reading import Area
from bdr_console.runbooks.model.run import ISOLATE, Command
from bdr_console.runbooks.model.step import Act, OnTimeout, Plan, Step, StepPlan
from bdr_console.runbooks.plan.switchover import plan as plan_switchover
from bdr_console.runbooks.plan.switchover_plans import Remembered, changes, routes_of
from bdr_console.runbooks.steps.hold import Enable, Hold, HoldTerms, Ready
from bdr_console.runbooks.steps.isolate import DisableDead, PutBack, ShutDownSessions
from bdr_console.runbooks.steps.move_clients import Reconnect
from bdr_console.runbooks.steps.pool_settings import AT_ONCE, Setting, set_by

RUNBOOK = ISOLATE
PARTS = Area.NODES | Area.PROXIES | Area.POOLERS | Area.SETTINGS
"""What plan and checks need to have been read: nothing that could take long."""
_GO_ON = OnTimeout.GO_ON
_DEAD_WITHIN = 0.25
"""Seconds for which a run looks whether the node that it isolates answers."""


def unasked(request: Mapping[str, Any], seconds: float = _DEAD_WITHIN) -> dict[str, float]:
    """The node that an isolation waits for no longer than so many seconds; empty for any other run."""
    return {request["node"]: seconds} if request.get("runbook") == RUNBOOK else {}


def plan(
    snapshot: Snapshot, settings: ClusterSettings, node: str, *, remembered: Remembered | None = None
) -> Plan:
    """Every step of an isolation of `node`, with the exact command for each host. Pure.

    Raises ConsoleError as a switchover does.
    """
    whole = plan_switchover(snapshot, settings, node, "gradual", everything=True)
    disable = whole.step("disable")
    # A pool whose server died rests for 15 s (server_login_retry).
    quick = changes(routes_of(snapshot, settings), AT_ONCE, remembered or {})
    back = tuple(Act(a.kind, a.target, a.subject, a.undo) for a in quick if a.undo)
    steps = (
        StepPlan(
            "disable",
            disable.title,
            disable.acts,
            deadline=3.0,
            on_timeout=_GO_ON,
            together=True,
        ),
        StepPlan(
            "cut",
            f"Shut down every session on {node}",
            tuple(_shutdown(act) for act in disable.acts),
            deadline=3.0,
            on_timeout=_GO_ON,
            together=True,
            no_return=True,
            repeat=1.0,
        ),
        StepPlan(
            "prepare",
            "Have every PgBouncer try again at once where a login fails",
            quick,
            deadline=3.0,
            on_timeout=_GO_ON,
            together=True,
        ),
        StepPlan(
            "reconnect",
            whole.step("reconnect").title,
            whole.step("reconnect").acts,
            deadline=5.0,
            on_timeout=_GO_ON,
            together=True,
        ),
        StepPlan(
            "restore",
            "Put the settings of every PgBouncer back",
            back,
            deadline=5.0,
            on_timeout=_GO_ON,
            together=True,
        ),
        StepPlan("hold", f"{node} is isolated: repair it, then go on", holds=True),
        whole.step("ready"),
        whole.step("enable"),
    )
    routes = tuple(note for note in whole.notes if "new connections" in note or "left so" in note)
    lost = f"Writes of {node} that its peers have not received are missing there until it is back."
    return Plan(RUNBOOK, whole.cluster, whole.environment, node, steps, (lost, *routes), before=whole.before)


def steps(made: Plan, settings: ClusterSettings, terms: HoldTerms | None = None) -> tuple[Step, ...]:
    """The plan's steps as the engine runs them."""
    disable = DisableDead(made.step("disable"), made.node, made.before)
    subjects = tuple((act.target, act.subject) for act in disable.plan.acts)
    return (
        disable,
        ShutDownSessions(made.step("cut"), subjects),
        Setting(made.step("prepare")),
        Reconnect(made.step("reconnect"), subjects, patience=1.0),
        PutBack(made.step("restore"), set_by(made.step("prepare").acts)),
        Hold(made.step("hold"), made.node, subjects, terms or HoldTerms()),
        Ready(made.step("ready"), made.node, settings.thresholds.thresholds()),
        Enable(made.step("enable"), made.node, disable, had_traffic=made.had_traffic),
    )


def _shutdown(disable: Act) -> Act:
    text = f"shutdown sessions server {disable.subject}"
    return Act("haproxy", disable.target, disable.subject, Command(disable.command.host, text))
