"""The console on a recording: the same screens, with a clock that can be turned. Nothing can be changed."""

import os
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input

from bdr_console.recording.jump import neighbour, target
from bdr_console.recording.reader import Recording
from bdr_console.ui.actions import Place, bindings
from bdr_console.ui.app import ConsoleApp
from bdr_console.ui.recorded_runs import RecordedRuns
from bdr_console.ui.replay_source import RecordedTimeline, ReplaySource
from bdr_console.ui.screens.jump import JumpBox
from bdr_console.ui.status import Status
from bdr_console.ui.terminal import ascii_only as locale_is_ascii
from bdr_console.ui.terminal import refuse_unfit
from bdr_console.ui.themes import NO_COLOUR
from bdr_console.ui.watched import ClusterParts
from bdr_console.ui.words import ASCII, UNICODE


def _first(binding: BindingType) -> BindingType:
    """The same binding, asked before those of the screens: `p` and `n` mean other things on some of them."""
    return replace(binding, priority=True) if isinstance(binding, Binding) else binding


class ReplayApp(ConsoleApp):
    """Shows a recording. There is no desk for acts in it, and no connection to any server."""

    BINDINGS: ClassVar[list[BindingType]] = [_first(binding) for binding in bindings(Place.REPLAY)]
    places = (Place.EVERYWHERE, Place.REPLAY)

    def __init__(self, recording: Recording, *, theme: str = "dark", ascii_only: bool = False) -> None:
        """Raises ConsoleError for an unknown theme."""
        header = recording.header
        glyphs = ASCII if ascii_only else UNICODE
        self.player = ReplaySource(recording, RecordedTimeline(header.thresholds, glyphs))
        super().__init__(
            ClusterParts(
                self.player,
                header.cluster,
                header.environment,
                header.thresholds,
                runs=RecordedRuns(recording.runs, self.player.now),
                timeline=self.player.timeline,
            ),
            theme=theme,
            ascii_only=ascii_only,
            clock=self.player.now,
        )
        self.player.moved = self._moved

    def marked(self, status: Status) -> Status:
        """Where the replay stands is told on every screen."""
        return replace(status, replay=self.player.place())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The keys of the replay are letters: they are left alone where something is typed or asked."""
        if action.startswith("replay_"):
            return not self.screen.is_modal and not isinstance(self.focused, Input)
        if action in ("save_ring", "pace", "refresh_now"):
            return False
        return super().check_action(action, parameters)

    def action_replay_pause(self) -> None:
        """Stand still, or go on."""
        self.player.pause()
        self.paint()

    def action_replay_step(self, direction: int) -> None:
        """One snapshot on or back."""
        self.player.step(direction)

    def action_replay_speed(self, direction: int) -> None:
        """Faster or slower."""
        self.player.change_speed(direction)
        self.paint()

    def action_replay_jump(self) -> None:
        """Ask where to."""

        def find(said: str) -> datetime:
            recording = self.player.recording
            return target(said, self.player.now(), recording.began, recording.ended, recording.events)

        self.push_screen(JumpBox(find), lambda to: self.player.jump(to) if to is not None else None)

    def action_replay_event(self, direction: int) -> None:
        """Go to the next event, or to the one before."""
        event = neighbour(self.player.now(), self.player.recording.events, direction)
        if event is None:
            self.notify(f"no event {'follows' if direction > 0 else 'before this'}", timeout=2, markup=False)
        else:
            self.player.jump(event.at)

    def _moved(self, jumped: bool) -> None:
        if jumped:
            self.runs.forget()
        else:
            self.runs.look_now()
        self.paint()


def run_replay(recording: Recording, *, theme: str | None, mouse: bool, at: str | None) -> int:
    """Open the console on a recording and return the exit code.

    Raises ConsoleError where it cannot run: no terminal, an unknown theme, a moment that is not in it.
    """
    if theme is None:
        theme = NO_COLOUR if os.environ.get("NO_COLOR") is not None else "dark"
    app = ReplayApp(recording, theme=theme, ascii_only=locale_is_ascii())
    if at is not None:
        app.player.paused = True
        app.player.jump(target(at, recording.began, recording.began, recording.ended, recording.events))
    refuse_unfit()
    code = app.run(mouse=mouse)
    return code if code is not None else app.return_code or 0
