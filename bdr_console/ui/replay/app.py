"""The console on a recording: the same screens, with a clock that can be turned. Nothing can be changed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input

from bdr_console.cluster.text import clean
from bdr_console.cluster.verdict.alarm import AlarmRules
from bdr_console.config.options import Options
from bdr_console.errors import ConsoleError
from bdr_console.plain.stream_writer import is_dumb, term
from bdr_console.recording.jump import neighbour, target
from bdr_console.recording.reader import Recording
from bdr_console.ui.app import ConsoleApp
from bdr_console.ui.cluster_view import ClusterParts
from bdr_console.ui.keys import Scope, bindings
from bdr_console.ui.replay.source import RecordedRuns, RecordedTimeline, ReplaySource
from bdr_console.ui.screens.dialogs import JumpBox
from bdr_console.ui.terminal.signals import refuse_unfit
from bdr_console.ui.text.status import Status
from bdr_console.ui.theming.styles import ASCII, UNICODE
from bdr_console.ui.theming.themes import Themes, appearance, own


def _first(binding: BindingType) -> BindingType:
    """The same binding, asked before those of the screens: `p` and `n` mean other things on some of them."""
    return replace(binding, priority=True) if isinstance(binding, Binding) else binding


class ReplayApp(ConsoleApp):
    """Shows a recording. There is no desk for acts in it, and no connection to any server.

    Nor has it an event store or a bell: its alarms are those of the moment that is shown, they are written
    nowhere and wake nobody.
    """

    BINDINGS: ClassVar[list[BindingType]] = [_first(binding) for binding in bindings(Scope.REPLAY)]
    places = (Scope.EVERYWHERE, Scope.REPLAY)

    def __init__(
        self,
        recording: Recording,
        *,
        theme: str = "dark",
        ascii_only: bool = False,
        keys: Mapping[str, str] | None = None,
        themes: Themes | None = None,
        config: Path | None = None,
        rules: AlarmRules | None = None,
    ) -> None:
        """`rules` of its alarms; for the others see BaseApp. Raises ConsoleError for an unknown theme."""
        header = recording.header
        glyphs = ASCII if ascii_only else UNICODE
        self.player = ReplaySource(recording, RecordedTimeline(header.thresholds, glyphs, rules))
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
            keys=keys,
            themes=themes,
            config=config,
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


def run_replay(recording: Recording, options: Options, *, at: str | None) -> int:
    """Open the console on a recording and return the exit code.

    Raises ConsoleError where it cannot run: no terminal, an unknown theme, a moment that is not in it.
    """
    config, settings = own(options)
    its_own = settings.clusters.get(recording.header.cluster) if settings is not None else None
    app = ReplayApp(
        recording,
        rules=its_own.alarms.rules() if its_own is not None else None,
        **appearance(options, config, settings),
    )
    if at is not None:
        app.player.paused = True
        app.player.jump(target(at, recording.began, recording.began, recording.ended, recording.events))
    refuse_unfit()
    if is_dumb():
        raise ConsoleError(
            f"this terminal cannot show the screen ({clean(term())})",
            "bdr-console replay --events prints the events of the recording as text.",
        )
    return app.run_to_end(mouse=options.mouse and (settings is None or settings.mouse))
