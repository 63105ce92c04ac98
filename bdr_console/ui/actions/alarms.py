"""Keys of alarms and of the event log."""

from bdr_console.ui.action import Action, Place


def _action(
    id_: str, keys: str, does: str, label: str, help_: str, place: Place, shown_as: str, rank: int = 5
) -> Action:
    return Action(id_, keys, does, label, help_, place, shown_as, footer=True, rank=rank)


ACTIONS = (
    _action(
        "alarms",
        "a",
        "screen.alarms",
        "Alarms",
        "Every alarm: since when, acknowledge, snooze (changes nothing on the cluster)",
        Place.OVERVIEW,
        "a",
    ),
    _action(
        "log",
        "e",
        "screen.log",
        "Log",
        "The event log; e again: what changed in the last 10 minutes",
        Place.OVERVIEW,
        "e",
        6,
    ),
    _action(
        "alarm-ack",
        "a",
        "screen.acknowledge",
        "Acknowledge",
        "Say that you know of the selected alarm, and why it may wait (also enter)",
        Place.ALARMS,
        "a",
    ),
    _action(
        "alarm-all",
        "A",
        "screen.acknowledge(True)",
        "All",
        "Acknowledge every alarm that nobody has acknowledged",
        Place.ALARMS,
        "A",
    ),
    _action(
        "alarm-period",
        "tab",
        "screen.period",
        "How long",
        "While the reason is typed: until it clears, for 15 minutes, for 1 hour",
        Place.ALARMS,
        "tab",
    ),
    _action(
        "alarm-withdraw",
        "u",
        "screen.withdraw",
        "Take back",
        "Take the acknowledgement of the selected alarm back",
        Place.ALARMS,
        "u",
    ),
    _action(
        "alarm-log",
        "e",
        "screen.log",
        "Log",
        "What the event log has about the selected alarm",
        Place.ALARMS,
        "e",
    ),
    _action("alarm-back", "escape", "screen.back", "Back", "Back to where you were", Place.ALARMS, "esc", 1),
    _action("log-search", "slash", "screen.search", "Search", "Events with this text", Place.LOG, "/"),
    _action(
        "log-window",
        "e",
        "screen.window",
        "Last 10 min",
        "The last 10 minutes, the last hour, the last day, everything",
        Place.LOG,
        "e",
    ),
    _action(
        "log-level",
        "f",
        "screen.level",
        "Level",
        "All events, warnings and worse, or critical ones only",
        Place.LOG,
        "f",
    ),
    _action(
        "log-jump",
        "ctrl+g",
        "screen.jump",
        "Time",
        "Go to a time: 14:30, 03-04 14:30, or 2h for two hours ago",
        Place.LOG,
        "ctrl+g",
    ),
    _action(
        "log-open",
        "",
        "",
        "Details",
        "Everything about the selected event, and what happened around it",
        Place.LOG,
        "enter",
    ),
    _action(
        "log-back",
        "escape",
        "screen.back",
        "Back",
        "Close, clear the filters, back",
        Place.LOG,
        "esc",
        1,
    ),
)
