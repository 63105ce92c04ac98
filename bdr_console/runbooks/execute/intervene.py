"""Doing what the operator said about a holder: announced, journaled before and after, never twice.

A KILL leaves its database paused until RESUME. So its RESUME is registered as the step's undo before the KILL
goes out, sent right after it, and forgotten only when PgBouncer has confirmed it.
"""

import asyncio
import time
from typing import Any, Protocol

from bdr_console.cluster.poolers import nothing_paused
from bdr_console.config import ClusterSettings
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.execute.live_world import LiveWorld
from bdr_console.runbooks.model.reading import Area
from bdr_console.runbooks.model.run import Command
from bdr_console.runbooks.model.step import Act, Intervention, Step, World

_CLIENT_GONE = "client not found"
_RESUME_TRIES = 5
_RESUME_PAUSE = 0.5
"""Seconds between two tries to RESUME."""
_GONE_WITHIN = 3.0
"""Seconds that a terminated backend gets to leave before a plan is read anew."""


class ActRecord(Protocol):
    """Where an act is written down before and after it: a run's journal, or the event log."""

    def write(self, event: str, durable: bool = True, /, **fields: Any) -> None:
        """Append one event: intent, answer or error; never fails."""


async def intervene(chosen: Intervention, who: str, step: Step, world: World, journal: ActRecord) -> str:
    """Carry it out once and return the sentence for the operator; never raises for a refusal."""
    fields = {"step": step.plan.key, "who": who, "word": chosen.offer.word}
    if chosen.how == "kill" or chosen.how == "resume":  # noqa: PLR1714 - mypy narrows by these alone
        return await _kill(chosen, fields, step, world, journal)
    return await end_session(chosen, fields, world, journal)


async def end_before_run(
    settings: ClusterSettings, cluster: str, chosen: Intervention, who: str, record: ActRecord
) -> str:
    """End a session that a plan names, before any run: through links of its own, closed at the end. Returns
    the sentence for the operator when the backend has gone, or has had its time; never raises for a
    refusal."""
    world = LiveWorld(cluster, settings, application_name="bdr-console plan")
    try:
        said = await end_session(chosen, {"who": who, "word": chosen.offer.word}, world, record)
        if chosen.how == "terminate":
            await _until_gone(chosen, world)
        return said
    finally:
        await world.close()


async def _until_gone(chosen: Intervention, world: World) -> None:
    end = time.monotonic() + _GONE_WITHIN
    while time.monotonic() < end:
        backends = (await world.read(Area.BACKENDS)).backends.get(chosen.target, ())
        if not any((one.pid, one.started) == (chosen.pid, chosen.backend_start) for one in backends):
            return
        await asyncio.sleep(0.05)


async def end_session(chosen: Intervention, fields: dict[str, Any], world: World, journal: ActRecord) -> str:
    """Cancel or terminate a backend, or end a pooler's client; needs no run."""
    if chosen.how == "kill-client":
        return await _kill_client(chosen, fields, world, journal)
    if chosen.how not in ("cancel", "terminate"):
        raise ValueError(f"'{chosen.how}' is no way to end a session")
    named = {**fields, "host": chosen.command.host, "command": chosen.command.text}
    backend = f"pid {chosen.pid} on {chosen.target}"
    journal.write("intent", **named)
    try:
        there = await world.signal(chosen.target, chosen.how, chosen.pid, chosen.backend_start)
    except ConsoleError as error:
        journal.write("error", **named, error=error.problem)
        return f"{chosen.how} of {backend} did not succeed: {error.problem}. {error.remedy}".strip()
    answer = (
        f"{chosen.how} was sent to {backend}" if there else f"{backend} is gone already: nothing was done"
    )
    journal.write("answer", **named, answer=answer, there=there)
    return f"{answer}."


async def _kill_client(chosen: Intervention, fields: dict[str, Any], world: World, journal: ActRecord) -> str:
    """KILL_CLIENT: that client alone, with its server connection; nothing is paused."""
    act = Act("pgbouncer", chosen.target, chosen.subject, chosen.command)
    failed = await _send(world, journal, act, chosen.command, fields)
    if _CLIENT_GONE in failed:
        return f"{chosen.subject} is gone already: nothing was done."
    return f"{chosen.subject} was not ended: {failed}." if failed else f"{chosen.subject} was ended."


async def _kill(
    chosen: Intervention, fields: dict[str, Any], step: Step, world: World, journal: ActRecord
) -> str:
    """KILL and RESUME, or the RESUME alone where an earlier one failed."""
    name = f"{chosen.subject} on {chosen.target}"
    killed = ""
    if chosen.undo is not None:
        act = Act("pgbouncer", chosen.target, chosen.subject, chosen.command, chosen.undo)
        step.taken.append(act)
        killed = await _send(world, journal, act, chosen.command, fields)
    resume = chosen.undo or chosen.command
    stuck = [
        act
        for act in step.taken
        if act.undo == resume and (act.target, act.subject) == (chosen.target, chosen.subject)
    ]
    for attempt in range(_RESUME_TRIES):
        if attempt:
            await asyncio.sleep(_RESUME_PAUSE)
        resumed = await _send(world, journal, stuck[0], resume, {**fields, "undo": True}) if stuck else ""
        if not resumed or nothing_paused(resumed):
            for act in stuck:
                step.taken.remove(act)
            if killed and resumed:  # nothing was paused, so an answer that was lost was a refusal
                return f"KILL of {name} did not succeed: {killed}."
            return f"{name}: every client was cut, and it takes clients again."
    return f"{name} was killed and is still paused: {resumed}. Resume it, or abort."


async def _send(world: World, journal: ActRecord, act: Act, command: Command, fields: dict[str, Any]) -> str:
    """Send one command; returns what went wrong, empty when nothing did."""
    named = {**fields, "host": command.host, "command": command.text}
    journal.write("intent", **named)
    try:
        answer = await world.send(act.kind, act.target, command.text)
    except ConsoleError as error:
        journal.write("error", **named, error=error.problem)
        return error.problem
    journal.write("answer", **named, answer=answer)
    return ""
