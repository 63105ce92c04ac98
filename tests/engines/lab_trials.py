"""What every engine's lab is put through; a module per engine says in which words the verdict tells it."""

import asyncio
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from click.testing import CliRunner

from bdr_console.cli import cli
from bdr_console.lab import Lab
from tests.engines.lab_watch import open_transaction, struck, watching
from tests.lab.servers import ask


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


PAUSED_FOR = 120.0
"""Seconds that apply has been paused for, so far as a one-shot can know."""


def tells_a_one_shot_how_long_apply_has_been_paused(lab: Lab, words: Words, scratch: Path) -> None:
    """Few bytes are behind, so that only time tells. Instead of waiting for two minutes, what the first
    one-shot saw and remembered is made two minutes older."""
    plugin = _Plugin(lab, scratch)
    lab.break_("pause-apply", "node1:node2")
    ask(lab, "node1", "UPDATE counter SET n = n + 1 WHERE client = 7")
    code, line = plugin.run()
    assert re.match(rf"WARNING - lab: {words.paused[0]}: {words.paused[1]}; lags [^,]+, >= [\d.]+ s", line), (
        f"nothing is known of the time before: a lower bound, not 0 and not green: {line}"
    )
    assert code == 1
    assert "for how long is not known; the bytes are below the limit" in line
    assert "lag_time_node1-node2" not in line, "what is not known is left out of the performance data"
    plugin.remember_it_earlier(PAUSED_FOR)
    code, line = plugin.run()
    assert code == 2, line
    assert re.match(rf"CRITICAL - lab: {words.paused[0]}: {words.paused[1]}; lags [^,]+, >= [2-9]m ", line), (
        line
    )
    lab.mend_all()
    code, line = plugin.run()
    assert code == 0, line


class _Plugin:
    """`status --plugin` as cron starts it, with a state directory and a configuration of its own."""

    def __init__(self, lab: Lab, scratch: Path) -> None:
        self._config = scratch / "plugin.yaml"
        self._state = scratch / "state"
        settings = yaml.safe_load(lab.config.read_text())
        # A machine may be so slow that one one-shot takes the 30 s of the defaults.
        limits = {"lag_seconds_warn": PAUSED_FOR - 10, "lag_seconds_crit": PAUSED_FOR}
        settings["clusters"]["lab"]["thresholds"] = limits
        self._config.write_text(yaml.safe_dump(settings))

    def run(self) -> tuple[int, str]:
        """Exit code and first line."""
        done = CliRunner().invoke(
            cli,
            ["--config", str(self._config), "status", "--plugin", "--timeout", "60s"],
            env={"BDR_CONSOLE_STATE": str(self._state)},
        )
        return done.exit_code, done.stdout.partition("\n")[0]

    def remember_it_earlier(self, seconds: float) -> None:
        """Have every WAL position that was seen so far been seen that much earlier."""
        path = self._state / "clusters" / "lab" / "wal-positions.json"
        kept = json.loads(path.read_text())
        for node in kept["nodes"].values():
            node["rows"] = [[at, first - seconds, last - seconds] for at, first, last in node["rows"]]
        path.write_text(json.dumps(kept))


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
