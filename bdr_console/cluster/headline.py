"""The verdict in one line, as it stands beside the alarms: since when, and who knows of it. Pure."""

from collections.abc import Sequence
from datetime import datetime

from bdr_console.cluster.alarm import Alarm
from bdr_console.cluster.client_impact import with_client_words
from bdr_console.cluster.findings import Finding, Level, Verdict

_WORTH_SAYING = 5.0
"""Seconds; of what has just come one need not say since when."""


def headline(verdict: Verdict, alarms: Sequence[Alarm], now: datetime, proof: str = "") -> str:
    """`DEGRADED: node2 -> node3 lags 48 MiB, since 12:03:10, 4m 02s (and 2 more)`; or `proof`,
    what is known to be well, with nothing wrong.

    What nobody has acknowledged goes first; the word stays that of the worst finding, and says where that one
    is acknowledged: `CRITICAL (acknowledged) and DEGRADED: ...`.
    """
    if not verdict.findings:
        return f"{verdict.level.word}: {proof}" if proof else verdict.level.word
    first, word = first_of(verdict, alarms)
    known = {alarm.key: alarm for alarm in alarms}
    more = f" (and {len(verdict.roots) - 1} more)" if len(verdict.roots) > 1 else ""
    return f"{word}: {sentence(first, known.get(first.key), now)}{more}"


def next_step(verdict: Verdict, alarms: Sequence[Alarm] = ()) -> str:
    """What to do about the root that the line is about; empty when there is none."""
    return first_of(verdict, alarms)[0].remedy if verdict.findings else ""


def first_of(verdict: Verdict, alarms: Sequence[Alarm]) -> tuple[Finding, str]:
    """The root that the line is about, and the word before it. The verdict must have a finding."""
    known = {alarm.key: alarm for alarm in alarms}
    least = min(Level.WARN, verdict.level)
    listed = [f for f in verdict.roots if f.level >= least]
    new = [f for f in listed if not is_acknowledged(f, known.get(f.key))]
    first = new[0] if new else verdict.roots[0]
    worst = max((f.level for f in new), default=Level.OK)
    word = verdict.level.word
    if worst < verdict.level:
        word += " (acknowledged)" + (f" and {worst.word}" if new else "")
    return first, word


def is_acknowledged(finding: Finding, alarm: Alarm | None) -> bool:
    """Whether somebody knows of it, as bad as it is."""
    return alarm is not None and alarm.ack is not None and finding.level <= alarm.ack.level


def sentence(finding: Finding, alarm: Alarm | None, now: datetime) -> str:
    """`node1 does not answer: timed out after 2.0 s: 16 clients hang, since 12:03:10, 4m 02s`."""
    colon = finding.sentence.removesuffix(finding.text)
    return f"{colon}{told(finding, alarm, now)}"


def told(finding: Finding, alarm: Alarm | None, now: datetime) -> str:
    """The finding's text, the clients that it hurts, since when, and who has acknowledged it."""
    text = with_client_words(finding)
    if alarm is None:
        return text
    if alarm.flaps:
        text = f"flapping: {alarm.flaps} times in 5 min: {text}"
    if alarm.lasting(now) >= _WORTH_SAYING:
        text += f", {alarm.since_words(now)}"
    return f"{text}; {alarm.ack.words}" if alarm.ack and is_acknowledged(finding, alarm) else text
