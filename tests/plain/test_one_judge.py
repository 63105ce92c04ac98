"""The plain commands and the screen look at the same readings: they must say the same of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bdr_console.cluster.observed import FactsT, Observed
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Level
from bdr_console.config import ClusterSettings
from bdr_console.plain.page import headline
from bdr_console.plain.plugin import plugin_lines
from bdr_console.plain.status_json import status_document
from bdr_console.plain.status_reader import StatusReader
from bdr_console.plain.words import EXIT_CODES
from bdr_console.ui.judged_snapshot import Timeline
from bdr_console.ui.text.status import Status, verdict_line
from bdr_console.ui.theming.styles import DEFAULTS, UNICODE, Styles
from tests.ui.scenes import never_read, node, silent, snapshot

SETTINGS = ClusterSettings.model_validate({"nodes": {"node1": {"dsn": "host=127.0.0.1 port=1"}}})


def lagging(at: datetime, mib: float) -> Snapshot:
    """node1 sends that much too late."""
    shown = snapshot(at)
    facts = node("node1", ("node2", "node3"), lag=int(mib * 1024**2))
    return replace(shown, nodes=(replace(shown.nodes[0], facts=facts), *shown.nodes[1:]))


def old(at: datetime) -> Snapshot:
    """Nothing was read for a minute."""

    def aged(target: Observed[FactsT]) -> Observed[FactsT]:
        return replace(target, seen_at=at - timedelta(minutes=1))

    shown = snapshot(at)
    return replace(shown, nodes=tuple(map(aged, shown.nodes)))


SCENES: dict[str, tuple[Level, Callable[[datetime], Snapshot]]] = {
    "healthy": (Level.OK, snapshot),
    "a lag": (Level.WARN, lambda at: lagging(at, 48)),
    "a great lag": (Level.CRIT, lambda at: lagging(at, 480)),
    "a lag that grows": (Level.WARN, lambda at: lagging(at, 40)),  # by the second: see below
    "a silent node": (Level.CRIT, lambda at: silent(snapshot(at), "node2")),
    "nothing ever read": (Level.UNKNOWN, lambda at: never_read(snapshot(at))),
    "old readings": (Level.CRIT, old),
}


@pytest.mark.parametrize("name", SCENES)
async def test_exit_code_json_plugin_and_screen_agree_on_the_same_readings(name: str) -> None:
    level, scene = SCENES[name]
    now = datetime.now(UTC)
    moments = [now - timedelta(seconds=s) for s in (3, 2, 1, 0)]
    shown = [scene(at) for at in moments]
    if name == "a lag that grows":
        shown = [lagging(at, 40 + mib) for mib, at in enumerate(moments)]
    reader, timeline = StatusReader("lab", SETTINGS, 1.0), Timeline(SETTINGS.thresholds.thresholds())
    timeline.keys = False  # as in a console that is read-only
    try:
        for one in shown:
            reader._take(one)
            timeline.take(one)
        report = reader._sight(shown[-1])
    finally:
        await reader.close()
    timeline._seen = None  # at the same moment, not at one that is good enough for a screen
    moment = timeline.at(report.now)
    assert moment is not None
    assert report.verdict == moment.verdict
    assert report.verdict.level is level
    assert status_document(report).verdict.exit_code == EXIT_CODES[level]
    said = headline(report)
    state = ("OK", "WARNING", "CRITICAL", "UNKNOWN")[EXIT_CODES[level]]
    assert plugin_lines(report, SETTINGS.thresholds.thresholds())[0].startswith(f"{state} - lab")
    status = Status("lab", "", True, 1.0, report.now, moment.verdict, None)
    head = verdict_line(status, Styles(DEFAULTS, ansi=False), UNICODE).plain
    assert head.strip().partition(" ")[2].partition(":")[0] == said.partition(":")[0] == level.word
    if name == "a lag that grows":
        assert "growing by" in said
        assert "growing by" in head
