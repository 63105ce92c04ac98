"""Keys of a question."""

from bdr_console.ui.action import Action, Place

ACTIONS = (
    Action("question-yes", "y", "screen.answer(True)", "Yes", "Yes, do it", Place.QUESTION, "y"),
    Action(
        "question-no",
        "n,escape,enter",
        "screen.answer(False)",
        "No",
        "No, go back (also esc and enter: no is the answer unless you say yes)",
        Place.QUESTION,
        "n",
    ),
)
