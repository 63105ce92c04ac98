"""Moving with letters, as vi and less do; the arrow keys do the same where a list has the keys.

A screen's own key goes before these: `g` is "go on" in a run.
"""

from bdr_console.ui.action import Action, Place

ACTIONS = (
    Action("go-down", "j", "app.move('down')", "Down", "Down (also the arrow key)", Place.EVERYWHERE, "j"),
    Action("go-up", "k", "app.move('up')", "Up", "Up (also the arrow key)", Place.EVERYWHERE, "k"),
    Action(
        "go-left",
        "h",
        "app.move('left')",
        "Previous pane",
        "To the pane before (also shift+tab)",
        Place.EVERYWHERE,
        "h",
    ),
    Action("go-right", "l", "app.move('right')", "Next pane", "To the next pane", Place.EVERYWHERE, "l"),
    Action("go-top", "g", "app.move('top')", "First", "To the first row (also home)", Place.EVERYWHERE, "g"),
    Action(
        "go-bottom", "G", "app.move('bottom')", "Last", "To the last row (also end)", Place.EVERYWHERE, "G"
    ),
    Action(
        "go-half-down",
        "ctrl+d",
        "app.move('half_down')",
        "Half a page down",
        "Half a page down",
        Place.EVERYWHERE,
        "ctrl+d",
    ),
    Action(
        "go-half-up",
        "ctrl+u",
        "app.move('half_up')",
        "Half a page up",
        "Half a page up",
        Place.EVERYWHERE,
        "ctrl+u",
    ),
)
