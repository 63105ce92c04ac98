"""What every engine's lab is put through; a module per engine says in which words the verdict tells it."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bdr_console.lab import Lab
from tests.engines.lab_watch import open_transaction, struck, watching


@dataclass(frozen=True)
class Words:
    """The findings that one engine's lab must lead to: (subject, what its text says)."""

    engine: str
    """What the engine is called at the beginning of its name."""
    stopped: tuple[str, str]
    """Beside that the node does not answer: what the others say of the link."""
    paused: tuple[str, str]
    conflict: str | None = "counter"
    """Where the conflict is shown: in part the table's name; None when the engine keeps none."""


async def comes_up_healthy(lab: Lab, words: Words) -> None:
    """The engine is found out from the catalogs, and nothing is wrong with a lab that was just made."""
    async with watching(lab) as watch:
        await watch.healthy()
        engines = {node.name: node.facts.engine for node in watch.snapshot().nodes if node.facts}
    assert all(engine.startswith(words.engine) for engine in engines.values()), engines
    unread = [
        part
        for node in watch.snapshot().nodes
        for part in (node.facts.unread if node.facts else ())
        if part.judged  # BDR 1 shows some counters to superusers alone
    ]
    assert unread == [], "the lab's console role may read everything"


async def tells_of_a_frozen_node(lab: Lab) -> None:
    """It accepts connections and answers nothing: its own rows say so."""
    async with watching(lab) as watch:
        await watch.healthy()
        since = await struck(lab, "freeze", "node2")
        try:
            await watch.says("node2", "timed out|no answer", since=since)
        finally:
            await asyncio.to_thread(lab.mend, "freeze", "node2")


async def tells_of_a_stopped_node(lab: Lab, words: Words) -> None:
    """It is gone, and the link to it is down for a reason that the other side saw."""
    async with watching(lab) as watch:
        await watch.healthy()
        since = await struck(lab, "stop", "node2")
        await watch.says("node2", "refused", since=since)
        await watch.says(*words.stopped, since=since)
    await asyncio.to_thread(lab.mend_all)


async def tells_of_paused_apply(lab: Lab, words: Words) -> None:
    """Nothing is applied on node2 because somebody has paused it."""
    async with watching(lab) as watch:
        await watch.healthy()
        since = await struck(lab, "pause-apply", "node1:node2")
        await watch.says(*words.paused, since=since)
    await asyncio.to_thread(lab.mend_all)


async def shows_a_conflict(lab: Lab, words: Words) -> None:
    """Two nodes have changed one row at once; the engine resolved it, and the console shows that."""
    async with watching(lab) as watch:
        await watch.healthy()
        await struck(lab, "conflict", "node1:node2")
        if words.conflict:
            await watch.conflict(words.conflict)
        else:
            await watch.healthy()


async def tells_of_a_long_transaction(lab: Lab) -> None:
    """A client sits in its transaction: who it is, and for how long."""
    async with watching(lab, transaction_age_warn=0.5) as watch:
        with open_transaction(lab, "node1") as pid:
            told_from = datetime.now(UTC) + timedelta(seconds=0.5)  # it is old enough then
            await watch.says("node1", rf"oldest transaction open for .*pid {pid}", since=told_from)
