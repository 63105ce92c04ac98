"""The verdict in one line, as it stands beside the alarms: since when, and who knows of it. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bdr_console.cluster.alarm import Alarm
from bdr_console.cluster.findings import Finding, Level, Verdict

_WORTH_SAYING = 5.0
"""Seconds; of what has just come one need not say since when."""


def headline(verdict: Verdict, alarms: Sequence[Alarm], now: datetime) -> str:
    """`DEGRADED: node2 -> node3 lags 48 MiB, since 12:03:10, 4m 02s (and 2 more)`.

    What nobody has acknowledged goes first; the word stays that of the worst finding, and says where that one
    is acknowledged: `CRITICAL (acknowledged) and DEGRADED: ...`.
    """
    if not verdict.findings:
        return verdict.level.word
    known = {alarm.key: alarm for alarm in alarms}
    least = min(Level.WARN, verdict.level)
    new = [f for f in verdict.findings if f.level >= least and not is_acknowledged(f, known.get(f.key))]
    first = new[0] if new else verdict.findings[0]
    word = verdict.level.word
    if first.level < verdict.level or not new:
        word += " (acknowledged)" + (f" and {first.level.word}" if new else "")
    more = f" (and {len(verdict.findings) - 1} more)" if len(verdict.findings) > 1 else ""
    return f"{word}: {replace(first, text=told(first, known.get(first.key), now)).sentence}{more}"


def is_acknowledged(finding: Finding, alarm: Alarm | None) -> bool:
    """Whether somebody knows of it, as bad as it is."""
    return alarm is not None and alarm.ack is not None and finding.level <= alarm.ack.level


def told(finding: Finding, alarm: Alarm | None, now: datetime) -> str:
    """The finding's text, since when, and who has acknowledged it."""
    if alarm is None:
        return finding.text
    text = finding.text
    if alarm.flaps:
        text = f"flapping: {alarm.flaps} times in 5 min: {text}"
    if alarm.lasting(now) >= _WORTH_SAYING:
        text += f", {alarm.since_words(now)}"
    return f"{text}; {alarm.ack.words}" if alarm.ack and is_acknowledged(finding, alarm) else text
