"""Keys of a question."""

from bdr_console.ui.action import Action, Place

ACTIONS = (
    Action("yes", "y", "screen.answer(True)", "Yes", "Yes, do it", Place.QUESTION, "y"),
    Action("no", "n,escape", "screen.answer(False)", "No", "No, go back", Place.QUESTION, "n"),
)
