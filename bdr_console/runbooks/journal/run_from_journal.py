"""A journal's events folded into one picture of the run. Pure: the same events give the same picture."""

import traceback
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, replace
from datetime import UTC, datetime
from typing import Any

from bdr_console.runbooks.journal import in_force
from bdr_console.runbooks.model.run import (
    Check,
    Command,
    Holder,
    Offer,
    Outcome,
    Proof,
    RunStatus,
    RunView,
    StepStatus,
    StepView,
)

Event = Mapping[str, Any]

_HOLDER = {field.name: None if field.default is MISSING else field.default for field in fields(Holder)}
_ENDED = (StepStatus.DONE, StepStatus.SKIPPED, StepStatus.FAILED, StepStatus.UNDONE)


def fold(events: Iterable[Event]) -> RunView | None:
    """The run that these events tell of; None when the first event is not there yet."""
    view: RunView | None = None
    for event in events:
        view = advance(view, event)
    return view


def advance(view: RunView | None, event: Event) -> RunView | None:
    """The picture after one more event; events of a kind not known here change nothing."""
    kind = event.get("event")
    if view is None:
        return _begin(event) if kind == "run" else None
    if kind in ("intent", "answer", "error", "taken"):
        view = replace(view, in_force=in_force.after(view.in_force, event))
    match kind:
        case "checks":
            return replace(view, checks=tuple(_check(item) for item in event["checks"]))
        case "step":
            return _step(view, event)
        case "evidence":
            return _with_step(view, event["step"], **_seen(event))
        case "status":
            return replace(
                view,
                status=RunStatus(event.get("status", view.status)),
                message=event.get("message", view.message),
                offers=_offers(event.get("offers", ())),
            )
        case "intent":
            return view if view.changed else replace(view, changed=True)
        case "alarm":
            return replace(view, problems=(*view.problems, event["text"]))
        case "plan":
            return replace(view, had_traffic=_had_traffic(event))
        case "turn":
            return _turn(view, event)
        case "resume":
            return _resumed(view, event)
        case "end":
            return replace(
                view,
                status=RunStatus(event["status"]),
                message=event.get("message", ""),
                leftovers=tuple(event.get("leftovers", ())),
                offers=(),
                ended_at=_moment(event),
            )
    return view


class RunInMemory:
    """The run as its runner knows it: each event is added as it is written, and nothing is read back."""

    def __init__(self, view: RunView | None = None) -> None:
        self.view = view

    def add(self, event: Event) -> None:
        """Take one more event into the picture; a picture that fails must not hold up the run."""
        try:
            self.view = advance(self.view, event)
        except Exception:
            traceback.print_exc()


def _begin(event: Event) -> RunView:
    return RunView(
        run_id=event["run"],
        runbook=event["runbook"],
        cluster=event["cluster"],
        environment=event["environment"],
        node=event["node"],
        who=event["who"],
        reason=event.get("reason", ""),
        started_at=_moment(event),
        status=RunStatus.RUNNING,
        steps=(*(_planned(step) for step in event["steps"]), *_ahead(event)),
        nodes=tuple(event.get("nodes", ())),
        until=moment_or_none(event.get("until") or ""),
    )


_TURN = "turn "
"""How the key of a step begins that stands for another node's whole turn."""


def _ahead(event: Event) -> tuple[StepView, ...]:
    """A step for each node of a rolling run whose turn is still to come."""
    return tuple(
        StepView(f"{_TURN}{node}", f"{node}: its turn comes when the ones before are back", (), ())
        for node in event.get("left", ())
    )


def own_steps(view: RunView) -> tuple[StepView, ...]:
    """The steps of the node whose turn it is, without those that stand for another node's turn."""
    return tuple(step for step in view.steps if not step.key.startswith(_TURN))


def _turn(view: RunView, event: Event) -> RunView:
    """The next node of a rolling run: the one before is behind, in one line, and this one's plan is known."""
    before = [step for step in view.steps if step.key.startswith(_TURN) and step.status is StepStatus.DONE]
    began = min((step.began_at for step in own_steps(view) if step.began_at), default=None)
    behind = StepView(
        f"{_TURN}{view.node}",
        f"{view.node}: out of service and back",
        (),
        (),
        StepStatus.DONE,
        began_at=began,
        ended_at=_moment(event),
    )
    steps = (*before, behind, *(_planned(step) for step in event["steps"]), *_ahead(event))
    return replace(
        view, node=event["node"], steps=steps, checks=(), offers=(), message="", status=RunStatus.RUNNING
    )


def _had_traffic(event: Event) -> bool | None:
    plan: Event = event.get("plan") or {}
    before = plan.get("before") or ()
    return any(plan["node"] in way["nodes"] for way in before) if before else None


def _resumed(view: RunView, event: Event) -> RunView:
    """A new runner goes on with the run; a step that was under way is as good as not begun."""
    steps = tuple(
        step if step.status in _ENDED else replace(step, status=StepStatus.PENDING) for step in view.steps
    )
    message = event.get("message", "")
    return replace(
        view, status=RunStatus.RUNNING, message=message, offers=(), leftovers=(), ended_at=None, steps=steps
    )


def _planned(step: Event) -> StepView:
    return StepView(
        step["key"],
        step["title"],
        _commands(step["commands"]),
        _commands(step["undo"]),
        deadline=step.get("deadline"),
        condition=step.get("condition", ""),
        no_return=step.get("no_return", False),
    )


def _step(view: RunView, event: Event) -> RunView:
    status = StepStatus(event["status"])
    was = next((step for step in view.steps if step.key == event["step"]), None)
    if was is None:
        return view
    changed: dict[str, Any] = {"status": status}
    if "lines" in event:
        changed |= _seen(event)
    if "deadline" in event:
        changed["deadline"] = event["deadline"]
    if status is StepStatus.PENDING:  # the run goes back to an earlier step: this one lies ahead again
        changed |= {
            "began_at": None,
            "ended_at": None,
            "evidence": (),
            "holders": (),
            "proof": None,
            "alarm": "",
        }
    elif status is StepStatus.RUNNING or was.began_at is None:
        changed |= {"began_at": _moment(event), "ended_at": None}
    if status in _ENDED:
        changed |= {"ended_at": _moment(event), "holders": ()}
    if (was.status, status) == (StepStatus.UNDOING, StepStatus.UNDONE):
        # Proven, whoever did it: HAProxy's reload takes a maintenance back without a command of ours.
        view = replace(view, in_force=tuple(one for one in view.in_force if one not in was.commands))
    return _with_step(view, event["step"], **changed)


def _seen(event: Event) -> dict[str, Any]:
    """What a look showed, as fields of the step."""
    proof = event.get("proof")
    return {
        "evidence": tuple(event["lines"]),
        "holders": _holders(event),
        "proof": Proof(proof) if proof else None,
        "alarm": event.get("alarm", ""),
    }


def _with_step(view: RunView, key: str, **changed: Any) -> RunView:
    return replace(view, steps=tuple(replace(s, **changed) if s.key == key else s for s in view.steps))


def _check(item: Event) -> Check:
    why, remedy = item.get("why", ""), item.get("remedy", "")
    return Check(item["title"], Outcome(item["outcome"]), item["seen"], why, remedy)


def _commands(items: Iterable[Event]) -> tuple[Command, ...]:
    return tuple(Command(item["host"], item["text"]) for item in items)


def _offers(items: Iterable[Event]) -> tuple[Offer, ...]:
    return tuple(Offer(item["word"], item["label"], _commands(item.get("commands", ()))) for item in items)


def _holders(event: Event) -> tuple[Holder, ...]:
    return tuple(
        Holder(**{name: item.get(name, default) for name, default in _HOLDER.items()})
        for item in event.get("holders", ())
    )


def moment_or_none(text: str) -> datetime | None:
    """An ISO 8601 time with its zone, on a calendar that every zone can show; None for anything else."""
    try:
        moment = datetime.fromisoformat(text)
        moment.astimezone(UTC), moment.astimezone()  # some dates have no neighbours
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else None


def _moment(event: Event) -> datetime:
    return datetime.fromisoformat(event["t"])
