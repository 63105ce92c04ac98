"""Keys of a replay, on every screen of it."""

from bdr_console.ui.action import Action, Place

ACTIONS = (
    Action(
        "replay-pause",
        "p",
        "app.replay_pause",
        "Pause",
        "Stand still, and go on",
        Place.REPLAY,
        "p",
        footer=True,
        rank=1,
    ),
    Action("replay-on", "full_stop", "app.replay_step(1)", "Step", "One snapshot on", Place.REPLAY, "."),
    Action(
        "replay-back", "comma", "app.replay_step(-1)", "Step back", "One snapshot back", Place.REPLAY, ","
    ),
    Action(
        "replay-faster",
        "plus,equals_sign",
        "app.replay_speed(1)",
        "Faster",
        "Twice as fast, 64 times at most",
        Place.REPLAY,
        "+",
    ),
    Action(
        "replay-slower",
        "minus",
        "app.replay_speed(-1)",
        "Slower",
        "Half as fast, a quarter at least",
        Place.REPLAY,
        "-",
    ),
    Action(
        "replay-jump",
        "ctrl+g",
        "app.replay_jump",
        "Jump",
        "Go to a time (12:03, +5m, -30s, start, end) or to an event by its words",
        Place.REPLAY,
        "ctrl+g",
        footer=True,
        rank=2,
    ),
    Action(
        "replay-next",
        "n",
        "app.replay_event(1)",
        "Next event",
        "Go to the next event",
        Place.REPLAY,
        "n",
    ),
    Action(
        "replay-previous",
        "N",
        "app.replay_event(-1)",
        "Event before",
        "Go to the event before",
        Place.REPLAY,
        "N",
    ),
)
