"""What the event log says of a run."""

from dataclasses import replace

from bdr_console.runbooks.journal.run_text import run_event
from bdr_console.runbooks.model.run import RunView, StepStatus
from tests.ui.scenes import NOW, run


def at(step: int, message: str) -> RunView:
    """The run at that step, counted from 1."""
    shown = run()
    steps = tuple(
        replace(one, status=StepStatus.DONE if n < step else StepStatus.PENDING)
        for n, one in enumerate(shown.steps, 1)
    )
    now = replace(steps[step - 1], status=StepStatus.RUNNING)
    return replace(shown, steps=(*steps[: step - 1], now, *steps[step:]), message=message)


def test_what_a_step_said_is_not_told_again_of_the_next_one() -> None:
    first, second = at(1, "9 server connections, 0 logging in"), at(2, "9 server connections, 0 logging in")
    told = run_event(first, second, NOW)
    assert told is not None
    assert told.text == f"step 2/{len(second.steps)} running: {second.steps[1].title}"


def test_what_a_step_says_itself_is_told() -> None:
    told = run_event(at(1, "9 server connections"), at(2, "every one is paused"), NOW)
    assert told is not None
    assert told.text.endswith("running: every one is paused")
