"""Runs that nobody carries on: what they left in maintenance or paused, found and put into words. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from bdr_console.cluster.proxies import ProxyServer
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.runbooks.journal.abandoned_runs import orphans
from bdr_console.runbooks.model.run import RunView, StepStatus
from bdr_console.ui.services import OtherOperator
from bdr_console.ui.text.run import command_lines, condition_lines, hang, joined, safe
from bdr_console.ui.text.words import coarse
from bdr_console.ui.theming.styles import Glyphs, Styles, Tone

if TYPE_CHECKING:
    from bdr_console.runbooks.execute.run_inspection import Unfinished

_SETTLED = 10.0
"""Seconds for which a server must have been in maintenance before nobody seems to be at it."""
WITHOUT_JOURNAL = "no journal on this host tells by whom"


@dataclass(frozen=True, slots=True)
class AbandonedRun:
    """What nobody carries on: a node in maintenance, clients that wait behind a PAUSE, a changed setting."""

    node: str
    run: RunView | None
    """Whose it is; None when no journal of this host tells."""
    since: float | None
    """Seconds that the first of its servers has been in maintenance; None when HAProxy does not tell."""
    poolers: tuple[str, ...] = ()
    """What is still so on PgBouncers, a line for each; what keeps clients waiting first."""
    paused: bool = False
    """Clients wait by it."""
    in_maintenance: bool = True

    @property
    def text(self) -> str:
        """`node2 is in maintenance for 12m, left by alice@bastion, run ..., at step hold`."""
        since = f" for {coarse(self.since)}" if self.since is not None else ""
        parts = [*self.poolers, f"{self.node} is in maintenance{since}" if self.in_maintenance else ""]
        said = "; ".join(part for part in parts if part)
        if self.run is None:
            return f"{said}, {WITHOUT_JOURNAL}"
        at = next((step.key for step in reversed(self.run.steps) if step.began_at is not None), "")
        return f"{said}, left by {self.run.who}, run {self.run.run_id}" + (f", at step {at}" if at else "")


def find_abandoned_runs(
    recent: Iterable[RunView], snapshot: Snapshot | None, lock: OtherOperator | None
) -> tuple[AbandonedRun, ...]:
    """What keeps clients waiting, then what an unfinished run left otherwise, then what nobody known here is
    at.

    None while another operator holds the lock: what is changed may be that operator's.
    """
    if snapshot is None or lock is not None:
        return ()
    known = tuple(recent)
    journaled = orphans(known, snapshot)
    found = [
        AbandonedRun(
            orphan.run.node,
            orphan.run,
            _since(held := _held(snapshot, orphan.run.node)),
            orphan.poolers,
            orphan.paused,
            bool(held),
        )
        for orphan in journaled
    ]
    under_way = any(not run.status.over for run in known)
    if not under_way and not any(left.poolers for left in found):
        found = [*_on_poolers(snapshot), *found]
    busy = {run.node for run in known if not run.status.over} | {left.node for left in found}
    for node in (target.name for target in snapshot.nodes):
        held = _held(snapshot, node)
        since = _since(held)
        if held and node not in busy and (since is None or since >= _SETTLED):
            found.append(AbandonedRun(node, None, since))
    return tuple(found)


def _on_poolers(snapshot: Snapshot) -> Iterator[AbandonedRun]:
    """A PAUSE, or the settings of a pause, that no journal of this host speaks of."""
    fresh = [(pooler.name, pooler.facts) for pooler in snapshot.poolers if pooler.facts and not pooler.error]
    paused = tuple(
        f"{d.name} is paused on {name}" for name, facts in fresh for d in facts.databases if d.paused
    )
    throttled = tuple(f"the pools of {name} are throttled" for name, facts in fresh if facts.throttled)
    if not (paused or throttled):
        return
    nodes = [node.name for node in snapshot.nodes if snapshot.servers_of(node.name)]
    out = [node for node in nodes if _held(snapshot, node)]
    if node := next(iter((*out, *nodes)), None):
        held = _held(snapshot, node)
        yield AbandonedRun(node, None, _since(held), (*paused, *throttled), bool(paused), bool(held))


def _held(snapshot: Snapshot, node: str) -> tuple[ProxyServer, ...]:
    return tuple(server for _, server in snapshot.servers_of(node) if server.in_maintenance)


def _since(held: tuple[ProxyServer, ...]) -> float | None:
    return max((float(server.since) for server in held if server.since is not None), default=None)


def abandoned_run_text(
    seen: "Unfinished", run: RunView | None, styles: Styles, glyphs: Glyphs, width: int
) -> Text:
    """Everything that a decision between resume and undo needs; `run` is by its journal, if any."""

    def line(label: str, said: str, style: Tone = Tone.PLAIN) -> Text:
        return hang(Text(f"  {label:<10}"), Text(safe(said), styles[style]), width)

    lines = [Text("What is seen", "bold underline")]
    if run is not None:
        why = f", {run.reason}" if run.reason else ""
        lines.append(
            line("left by", f"{run.who}{why}, begun {run.started_at.astimezone():%Y-%m-%d %H:%M:%S}")
        )
        at = next((step for step in reversed(run.steps) if step.began_at is not None), None)
        lines.append(line("stands", f"{run.status.value}" + (f" at '{at.title}'" if at else "")))
    else:
        said = "no journal on this host tells whose it is: to resume or undo takes it over as your own"
        lines.append(line("left by", said))
    lines += [line("in force" if not number else "", said) for number, said in enumerate(seen.left)]
    if not seen.left:
        lines.append(line("in force", "no server is in maintenance and no pool is paused"))
    lines += [
        line("unseen", f"{said}: what was left there cannot be told", Tone.UNKNOWN) for said in seen.unseen
    ]
    if seen.undoing:
        lines.append(line("way back", "it was being put back: to resume is to go on with that", Tone.LAG))
    if seen.takes_back:
        lines.append(line("undo sends", ""))
        lines += command_lines(seen.takes_back, styles, width)
    lines += [Text(), Text("Steps: what each brings about, and whether it is so now", "bold underline")]
    for number, step in enumerate(seen.steps, start=1):
        lines += condition_lines(number, step, seen.plan.node, styles, glyphs, width)
        if step.status is not StepStatus.DONE and step.proof is not None and step.proof.value != "met":
            lines += command_lines(step.commands, styles, width)
    return joined(lines)
