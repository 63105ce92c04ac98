"""The journals of one cluster's runs, line by line, for a recording."""

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from bdr_console import paths
from bdr_console.recording.records import RunLine
from bdr_console.runbooks.journal.journal_file import JOURNAL, RUNNER_LOCK, JournalFollower
from bdr_console.runbooks.locks import is_held

_LOOK_BACK = 20
"""Directories of runs that are looked at, newest first; their names begin with the time of their start."""
_LONGEST = 2**20
"""Bytes of one event; a longer one is passed over."""


class RunEventStream:
    """Gives what was added to the journals; a run that was under way when the tap began comes whole."""

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster
        self._began = time.time()
        self._followed: dict[str, tuple[JournalFollower, int]] = {}
        self._others: set[str] = set()
        """Runs of other clusters, and those that were over before."""

    def added(self) -> tuple[RunLine, ...]:
        """What was added since the last call."""
        return tuple(line for run in self._runs() for line in self._of(run))

    def since(self, moment: datetime) -> tuple[RunLine, ...]:
        """Everything of the runs that went on after `moment`."""
        fresh = RunEventStream(self._cluster)
        fresh._began = moment.timestamp()
        return fresh.added()

    def _runs(self) -> Iterator[str]:
        newest = sorted((path.name for path in paths.runs_dir().iterdir()), reverse=True)[:_LOOK_BACK]
        self._others &= set(newest)
        self._followed = {run: kept for run, kept in self._followed.items() if run in newest}
        for run in reversed(newest):
            if run in self._followed:
                yield run
            elif run not in self._others and (directory := paths.runs_dir() / run) and _has(directory):
                if self._goes_on(directory):
                    self._followed[run] = (JournalFollower(directory), 0)
                    yield run
                else:
                    self._others.add(run)

    def _goes_on(self, directory: Path) -> bool:
        return (directory / JOURNAL).stat().st_mtime >= self._began or is_held(directory / RUNNER_LOCK)

    def _of(self, run: str) -> Iterator[RunLine]:
        follower, number = self._followed[run]
        for event in follower.added():
            if number == 0 and event.get("cluster") != self._cluster:
                del self._followed[run]
                self._others.add(run)
                return
            number += 1
            self._followed[run] = (follower, number)
            if len(json.dumps(event)) <= _LONGEST:
                yield RunLine(run, number, datetime.fromisoformat(event["t"]), event)


def _has(directory: Path) -> bool:
    return (directory / JOURNAL).exists()
