"""Keys of the details of one thing."""

from bdr_console.ui.action import Action, Place

ACTIONS = (
    Action(
        "details-back",
        "escape",
        "screen.back",
        "Back",
        "Back to where the details were opened",
        Place.DETAILS,
        "esc",
        footer=True,
        rank=1,
    ),
    Action(
        "details-go",
        "",
        "",
        "Go to",
        "Details of what is listed under that number",
        Place.DETAILS,
        "1-9",
    ),
    Action(
        "details-freeze",
        "space",
        "screen.freeze",
        "Freeze",
        "Hold the details still, and catch up again; reading goes on",
        Place.DETAILS,
        "space",
        footer=True,
    ),
    Action(
        "details-copy",
        "y",
        "screen.copy",
        "Copy",
        "Copy the details to the clipboard of the terminal (OSC 52)",
        Place.DETAILS,
        "y",
        footer=True,
    ),
    Action(
        "details-write",
        "Y",
        "screen.write",
        "Write",
        "Write the details to a file, and say where",
        Place.DETAILS,
        "Y",
        footer=True,
    ),
    Action("details-up", "up", "screen.scroll(-1)", "Scroll", "Scroll", Place.DETAILS, "up/down"),
    Action("details-down", "down", "screen.scroll(1)", "Scroll down", "Scroll down", Place.DETAILS, "down"),
    Action(
        "details-page-up", "pageup", "screen.page(-1)", "Page up", "A screen up", Place.DETAILS, "page up"
    ),
    Action(
        "details-page-down",
        "pagedown",
        "screen.page(1)",
        "Page down",
        "A screen down",
        Place.DETAILS,
        "page down",
    ),
    Action("details-top", "home", "screen.edge(-1)", "Top", "To the top", Place.DETAILS, "home"),
    Action("details-end", "end", "screen.edge(1)", "End", "To the end", Place.DETAILS, "end"),
)
