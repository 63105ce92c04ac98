"""The runs of a recording, as they stood at the moment that is shown."""

import json
from collections.abc import Callable, Iterable
from datetime import datetime

from bdr_console.recording.records import RunLine
from bdr_console.runbooks.events import event_of
from bdr_console.runbooks.fold import advance
from bdr_console.runbooks.run import RunView

_RECENT = 20


class _Run:
    """One journal, folded as far as the moment that was asked for last."""

    def __init__(self) -> None:
        self.lines: list[RunLine] = []
        self._next = 0
        self._view: RunView | None = None

    def at(self, now: datetime) -> RunView | None:
        """The run as it stood then; None before it began."""
        if self._next and self.lines[self._next - 1].at > now:
            self._next, self._view = 0, None
        while self._next < len(self.lines) and self.lines[self._next].at <= now:
            event = event_of(json.dumps(self.lines[self._next].line).encode())
            self._next += 1
            if event is not None:
                self._view = advance(self._view, event)
        return self._view


class RecordedRuns:
    """A desk of runs that reads a recording. Nothing can be said to them."""

    def __init__(self, lines: Iterable[RunLine], now: Callable[[], datetime]) -> None:
        self._now = now
        self._runs: dict[str, _Run] = {}
        for line in lines:
            self._runs.setdefault(line.run, _Run()).lines.append(line)

    def latest(self) -> RunView | None:
        """The run under way then, or else the last one that had ended."""
        known = self.recent()
        return next((run for run in known if not run.status.over), known[0] if known else None)

    def recent(self) -> tuple[RunView, ...]:
        """The latest runs there had been, newest first."""
        found = [view for run_id in list(self._runs) if (view := self.view(run_id)) is not None]
        return tuple(sorted(found, key=lambda run: run.started_at, reverse=True)[:_RECENT])

    def view(self, run_id: str) -> RunView | None:
        """That run as it stood then."""
        run = self._runs.get(run_id)
        return run.at(self._now()) if run is not None else None
