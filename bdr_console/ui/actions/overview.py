"""Keys of the overview."""

from bdr_console.ui.action import Action, Place

ACTIONS = (
    *(
        Action(
            f"pane-{n}",
            str(n),
            f"screen.pane({n})",
            "Panes",
            f"Go to the {name} pane",
            Place.OVERVIEW,
            "1-6" if n == 1 else str(n),
            footer=n == 1,
        )
        for n, name in enumerate(("nodes", "connections", "lag", "HAProxy", "PgBouncer", "events"), start=1)
    ),
    Action(
        "zoom",
        "z",
        "screen.zoom",
        "Zoom",
        "One pane on the whole screen, and back",
        Place.OVERVIEW,
        "z",
        footer=True,
    ),
    Action("back", "escape", "screen.back", "Back", "Back to all panes", Place.OVERVIEW, "esc"),
    Action(
        "next-pane",
        "",
        "app.focus_next",
        "Next pane",
        "Go to the next pane, shift+tab to the one before",
        Place.OVERVIEW,
        "tab",
    ),
    Action(
        "move",
        "",
        "",
        "Move",
        "Move in a pane (also page up, page down, home, end)",
        Place.OVERVIEW,
        "up/down",
    ),
    Action(
        "switchover",
        "s",
        "screen.switchover",
        "Switchover",
        "Plan to take the selected node out of service and back",
        Place.OVERVIEW,
        "s",
        footer=True,
        changes=True,
    ),
    Action(
        "run",
        "w",
        "screen.attach",
        "Run",
        "Look at the run under way, or the last one",
        Place.OVERVIEW,
        "w",
        footer=True,
    ),
    Action(
        "left",
        "o",
        "screen.left",
        "Left over",
        "Resume or undo what a run left in maintenance, when nobody carries it on",
        Place.OVERVIEW,
        "o",
        footer=True,
        changes=True,
    ),
)
