"""What clients felt of a run, from its journal: only what was measured, each figure with its source. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bdr_console.cluster.text import counted, format_seconds

Event = Mapping[str, Any]

NOT_COUNTED = "neither PgBouncer nor HAProxy counts them; ask the application"


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure."""

    node: str
    """Whose turn it was."""
    where: str
    """The part of the run and the place: `way out, pgb-tx`."""
    what: str
    value: float | None
    """None when it was not measured."""
    unit: str
    """`s`, or empty for a count."""
    source: str
    """Where it comes from, and what it cannot show; for one that was not measured, why."""

    @property
    def text(self) -> str:
        """The figure for people."""
        if self.value is None:
            return "not measured"
        return format_seconds(self.value) if self.unit == "s" else f"{self.value:g}"


def measures(events: Iterable[Event], node: str) -> tuple[Measure, ...]:
    """Every figure of a run that began with `node`, in the order of its turns. A PgBouncer without clients is
    left out: nobody felt anything there."""
    found: list[Measure] = []
    for name, told in _by_turn(events, node):
        ways: dict[str, Event] = {}
        for event in told:
            if event.get("event") == "impact":
                ways[event["since"]] = event  # each tells the way so far; the last one all of it
        for event in ways.values():
            found += _way(name, event)
        if not ways:
            found.append(Measure(name, "whole run", "waits of clients", None, "s", "no sample was taken"))
        found += _pauses(name, told)
        found += [_cut(name, event) for event in told if event.get("event") == "cut"]
        found.append(Measure(name, "whole run", "failed transactions", None, "", NOT_COUNTED))
    return tuple(found)


def lines(found: Iterable[Measure], *, name_nodes: bool) -> list[str]:
    """The figures for people: a line for each place, its sources behind it."""
    groups: dict[tuple[str, str], list[Measure]] = {}
    for item in found:
        groups.setdefault((item.node, item.where), []).append(item)
    told = []
    for (node, where), items in groups.items():
        figures = ", ".join(f"{item.what} {item.text}" for item in items)
        sources = "; ".join(dict.fromkeys(item.source for item in items))
        told.append(f"- {f'{node}, ' if name_nodes else ''}{where}: {figures} ({sources})")
    return told


def _by_turn(events: Iterable[Event], node: str) -> list[tuple[str, list[Event]]]:
    turns: list[tuple[str, list[Event]]] = [(node, [])]
    for event in events:
        if event.get("event") == "turn":
            turns.append((event["node"], []))
        turns[-1][1].append(event)
    return turns


def _way(node: str, event: Event) -> list[Measure]:
    way = "way out" if event["way"] == "out" else "way back"
    found: list[Measure] = []
    for pooler, felt in event["poolers"].items():
        if felt["looks"] and not (felt["clients"] or felt["waiting"] or felt["transactions"]):
            continue
        found += _felt(node, f"{way}, {pooler}", felt, event["every"])
    if event["way"] == "out":
        for server, (before, after) in event["sessions"].items():
            gone = before - after if after is not None else None
            source = f"HAProxy's scur, {before} at first, {after} at the end of the way out"
            source = source if gone is not None else "HAProxy's scur was not read at the end of the way out"
            found.append(Measure(node, f"way out, {server}", "sessions that left", gone, "", source))
    return found


def _felt(node: str, where: str, felt: Mapping[str, Any], every: float) -> list[Measure]:
    looks = f"SHOW POOLS, {felt['looks']} looks {every:g} s apart: a wait between two is not seen"
    looks += f"; {felt['missed']} looks more were not answered" if felt["missed"] else ""
    stats = "SHOW STATS, before and after"
    if felt["transactions"] is None:
        stats = "SHOW STATS was not read twice by the same process"

    waits = stats
    if unserved := felt.get("unserved", 0):
        waits += f"; {counted(unserved, 'client')} waited still, whose waits are not in it"

    def seen(what: str, value: float, unit: str = "") -> Measure:
        return Measure(node, where, what, value if felt["looks"] else None, unit, looks)

    return [
        seen("clients at its beginning", felt["clients"]),
        seen("longest wait seen", felt["max_wait"], "s"),
        seen("most waiting at once", felt["waiting"]),
        Measure(node, where, "all waits together", felt["waited"], "s", waits),
        Measure(node, where, "transactions done", felt["transactions"], "", stats),
    ]


def _cut(node: str, event: Event) -> Measure:
    """What ended in HAProxy at one of its commands."""
    source = f"HAProxy's scur and stot on {event['servers']} just before and after, {event['before']} before"
    source += ": one that ended by itself then is in it"
    if event["ended"] is None:
        source = "HAProxy was reloaded, or its counters cleared, meanwhile"
    where = f"{event['command']} on {event['proxy']}"
    return Measure(node, where, "sessions cut", event["ended"], "", source)


def _pauses(node: str, events: list[Event]) -> list[Measure]:
    """For each PgBouncer and database: from PAUSE sent to RESUME answered."""
    began: dict[tuple[str, str], datetime] = {}
    ended: dict[tuple[str, str], datetime] = {}
    for event in events:
        word, _, database = str(event.get("command", "")).partition(" ")
        key, kind = (str(event.get("host")), database), event.get("event")
        if word == "PAUSE" and kind == "intent":
            began.setdefault(key, _at(event))
        elif word == "RESUME" and kind == "answer" and key in began:
            ended.setdefault(key, _at(event))
    found = []
    for key, start in began.items():
        host, database = key
        seconds = (ended[key] - start).total_seconds() if key in ended else None
        source = "PAUSE sent to RESUME answered" if key in ended else "RESUME was not answered to this run"
        found.append(
            Measure(node, f"pause of {database} on {host.split(' ')[0]}", "took", seconds, "s", source)
        )
    return found


def _at(event: Event) -> datetime:
    return datetime.fromisoformat(event["t"])
