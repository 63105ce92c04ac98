"""Keys that work on every screen."""

from bdr_console.ui.action import Action, Place

ACTIONS = (
    Action("help", "question_mark", "app.help", "Help", "Show every key", Place.EVERYWHERE, "?", footer=True),
    Action(
        "quit",
        "q,ctrl+c",
        "app.leave",
        "Quit",
        "Leave; a run under way goes on without the console",
        Place.EVERYWHERE,
        "q",
        footer=True,
    ),
    Action(
        "palette",
        "ctrl+p",
        "app.command_palette",
        "Palette",
        "Find a command by its name",
        Place.EVERYWHERE,
        "ctrl+p",
    ),
    Action(
        "save",
        "S",
        "app.save_ring",
        "Save",
        "Save the last 30 minutes to a file that can be replayed",
        Place.EVERYWHERE,
        "S",
    ),
    Action("refresh", "r", "app.refresh_now", "Refresh", "Read every target now", Place.EVERYWHERE, "r"),
    Action("faster", "plus,equals_sign", "app.pace(-1)", "Faster", "Read more often", Place.EVERYWHERE, "+"),
    Action("slower", "minus", "app.pace(1)", "Slower", "Read less often", Place.EVERYWHERE, "-"),
    Action("theme", "t", "app.next_theme", "Theme", "Next colour theme", Place.EVERYWHERE, "t"),
)
