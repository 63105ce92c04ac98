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
        "command",
        "colon",
        "app.command_line",
        "Command",
        "Type a command (pane lag, node node2, theme light); tab completes",
        Place.EVERYWHERE,
        ":",
    ),
    Action(
        "suspend",
        "ctrl+z",
        "app.suspend_process",
        "Suspend",
        "Back to the shell until fg; nothing is read meanwhile, a run goes on",
        Place.EVERYWHERE,
        "ctrl+z",
    ),
    Action("refresh", "r", "app.refresh_now", "Refresh", "Read every target now", Place.EVERYWHERE, "r"),
    Action("faster", "plus,equals_sign", "app.pace(-1)", "Faster", "Read more often", Place.EVERYWHERE, "+"),
    Action("slower", "minus", "app.pace(1)", "Slower", "Read less often", Place.EVERYWHERE, "-"),
    Action("theme", "t", "app.next_theme", "Theme", "Next colour theme", Place.EVERYWHERE, "t"),
    Action(
        "themes",
        "T",
        "app.choose_theme",
        "Themes",
        "Choose a colour theme from a list; moving in it shows each",
        Place.EVERYWHERE,
        "T",
    ),
)
