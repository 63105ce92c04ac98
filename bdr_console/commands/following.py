"""Following a run from the command line, until it ends or until nobody is there to say how it goes on."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from bdr_console.plain.stream_writer import UnwrittenError
from bdr_console.runbooks.execute.unattended import COMMAND_FAILED, HoldOrder, WaitingTime
from bdr_console.runbooks.journal.journal_file import RUNNER_LOCK, JournalFollower
from bdr_console.runbooks.journal.run_text import ending, news
from bdr_console.runbooks.locks import is_held
from bdr_console.runbooks.model.run import DONE, LEFTOVERS, UNKNOWN, RunStatus, RunView, exit_code

_LOOK_EVERY = 0.1
_WAITING_EVERY = 5.0
"""Seconds between two lines that tell what a step waits for."""
_LETS_GO_WITHIN = 5.0


def follow(directory: Path, *, err: bool, stop: Callable[[RunView], bool] = lambda _: False) -> RunView:
    """Print what happens until the run is over or `stop` says so; returns the run as it is then."""
    follower = JournalFollower(directory)
    before: RunView | None = None
    told = 0.0
    try:
        while True:
            view = follower.poll()
            if view is not None and view is not before:
                moved = before is None or _marks(before) != _marks(view)
                if moved or time.monotonic() - told > _WAITING_EVERY:
                    told = time.monotonic()
                    for line in news(before, view):
                        click.echo(line, err=err)
                    before = view
                if view.status.over:
                    _await_release(directory)
                    return view
                if stop(view):
                    return view
            elif view is not None and stop(view):
                return view
            time.sleep(_LOOK_EVERY)
    except (KeyboardInterrupt, UnwrittenError) as error:
        click.echo(f"\nThe run goes on. To see it again: bdr-console attach {directory.name}", err=True)
        if isinstance(error, UnwrittenError):
            raise
        sys.exit(UNKNOWN)


def _await_release(directory: Path) -> None:
    """The runner lets go of its locks a moment after its last word: what a script does next may need them."""
    until = time.monotonic() + _LETS_GO_WITHIN
    while is_held(directory / RUNNER_LOCK) and time.monotonic() < until:
        time.sleep(0.02)


def _marks(view: RunView) -> tuple[object, ...]:
    return (view.status, view.problems, *(step.status for step in view.steps))


def result(view: RunView) -> int:
    """Print how the run ended, on stdout; returns the exit code, also where nothing can be printed: only a
    good one gives way to that error. Raises UnwrittenError."""
    code = exit_code(view)
    try:
        for line in ending(view):
            click.echo(line)
        sys.stdout.flush()
    except UnwrittenError as error:
        error.exit_code = code or error.exit_code
        raise
    return code


def see_through(directory: Path, order: HoldOrder) -> int:
    """Follow a run that nobody steers: progress on stderr, the result on stdout; returns the exit code."""
    attended = order.seconds is None and order.command is None
    waiting = WaitingTime()

    def stop(view: RunView) -> bool:
        if view.status is RunStatus.HOLDING:
            return attended or command_failed(view)
        return waiting.is_overdue(view) and _behind_hold(view)

    view = follow(directory, err=True, stop=stop)
    if view.status.over:
        return result(view)
    click.echo(f"Run {view.run_id} waits: {view.message}")
    click.echo(f"  go on:     bdr-console go {view.run_id}")
    click.echo(f"  take back: bdr-console abort {view.run_id}")
    return DONE if view.status is RunStatus.HOLDING and attended else LEFTOVERS


def command_failed(view: RunView) -> bool:
    """Whether the command ordered for the hold has failed."""
    return any(text.startswith(COMMAND_FAILED) for text in view.problems)


def _behind_hold(view: RunView) -> bool:
    """Before the hold an unattended run goes back by itself when time is up; after it, somebody decides."""
    current = view.current
    keys = [step.key for step in view.steps]
    return current is not None and "hold" in keys and keys.index(current.key) > keys.index("hold")
