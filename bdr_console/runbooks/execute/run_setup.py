"""What a runner sets out to do: a fresh run, one to go on with, or one to take back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bdr_console.cluster.poolers import looks_quiesced
from bdr_console.config import ClusterSettings
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.checks.preflight import ALL_PARTS, refuses
from bdr_console.runbooks.execute import resume, rolling_plan
from bdr_console.runbooks.journal.journal_file import read_events
from bdr_console.runbooks.journal.run_from_journal import fold
from bdr_console.runbooks.model.plan_id import differences, plan_id
from bdr_console.runbooks.model.reading import Reading
from bdr_console.runbooks.model.run import REFUSED, Check, RunView
from bdr_console.runbooks.model.step import Plan, World
from bdr_console.runbooks.plan import isolate
from bdr_console.runbooks.plan.switchover import plan
from bdr_console.runbooks.steps.pool_settings import remembered

Request = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunSetup:
    """Everything the engine needs to begin."""

    plan: Plan
    checks: tuple[Check, ...]
    refusal: str = ""
    """Why it must not begin; empty when it may."""
    taken: resume.Taken = field(default_factory=dict)
    begin_at: int = 0
    undo: bool = False
    """Only the way back."""
    problems: tuple[str, ...] = ()
    so_far: RunView | None = None
    """The run as the runner before left it; None for one that begins."""


async def undertake(directory: Path, request: Request, settings: ClusterSettings, world: World) -> RunSetup:
    """Read the cluster and make up what is to be done. Raises ConsoleError when nothing can be."""
    reading = await world.read(isolate.PARTS if isolate.unasked(request) else ALL_PARTS)
    match request.get("word", "start"):
        case "start":
            return fresh(reading, request, settings)
        case "adopt" | "adopt-undo" as word:
            return _adopting(reading, request, settings, undo=word == "adopt-undo")
        case word:
            return _continuing(directory, reading, undo=word == "undo")


def fresh(reading: Reading, request: Request, settings: ClusterSettings) -> RunSetup:
    """A run from its beginning, as what was read allows it; of several nodes the first one's turn. Raises
    ConsoleError when there is no plan for it."""
    turns = rolling_plan.turns(reading, settings, request)
    made, checks = turns[0][0], rolling_plan.whole_checks(turns)
    refusal = ""
    if kept := request.get("plan"):
        seen = rolling_plan.seen(reading, turns)
        if kept["id"] != plan_id(made.cluster, rolling_plan.subject(request), seen):
            moved = "; ".join(differences(kept["seen"], seen)) or "its id does not fit"
            refusal = f"The world moved since plan {kept['id']} was made: {moved}."
    if refused := refuses(checks):
        why = "; ".join(check.headline for check in refused)
        refusal = f"{refusal} Refused by the checks. {why}.".strip()
    return RunSetup(made, checks, refusal)


def _adopting(reading: Reading, request: Request, settings: ClusterSettings, *, undo: bool) -> RunSetup:
    node = request["node"]
    silent = tuple(f"{line}: what was changed there cannot be told" for line in resume.unseen(reading))
    # Only a quiesce pauses and throttles: its plan is the one that can take that back.
    throttled = any(looks_quiesced(now) for now in reading.settings.values())
    paused = any(d.paused for p in reading.snapshot.poolers if p.facts for d in p.facts.databases)
    mode = "quiesce" if paused or throttled else "gradual"
    before = resume.as_before(reading.snapshot, node)
    known = remembered(reading.settings)
    made = plan(before, settings, node, mode, remembered=known, everything=True)
    made = replace(made, before=())
    taken = resume.adopted(reading, made)
    if not taken:
        told = f" But {'; '.join(silent)}." if silent else ""
        raise ConsoleError(
            f"nothing of a switchover of {node} is in force: no server in maintenance, no paused pool, no "
            f"throttled one.{told}",
            f"To begin one: bdr-console switchover {node} --plan",
            REFUSED,
        )
    found = resume.findings(reading, taken, "taken over at the operator's word")
    return RunSetup(made, found, "", taken, 0, undo, silent)


def _continuing(directory: Path, reading: Reading, *, undo: bool) -> RunSetup:
    events = read_events(directory)
    past = resume.past(events)
    if past is None:
        raise ConsoleError(
            f"the journal of {directory.name} holds no plan: that run had not begun to change anything",
            "To take over what is seen in force: --node NODE instead of the run.",
            REFUSED,
        )
    checks = resume.findings(reading, past.taken, "this run's own by its journal")
    back = undo or past.undoing
    return replace(
        RunSetup(past.plan, checks),
        taken=past.taken,
        begin_at=0 if back else past.begin_at,
        undo=back,
        so_far=fold(events),
    )
