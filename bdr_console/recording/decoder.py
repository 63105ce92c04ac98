"""Lines of a recording into snapshots again: a whole one, then what changed of it."""

import marshal
from dataclasses import replace
from typing import Any

from bdr_console.cluster.observed import Observed
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.recording.encoder import GROUP_LIMIT
from bdr_console.recording.patches import patched
from bdr_console.recording.records import KINDS, observed, parsed, refuse_unsound, shape

_MOST_WORK = 100 * 2**20
"""Bytes of targets that change between two whole snapshots: a target is read anew with each change of it.
50 nodes that all change every second for a minute have 60 MiB."""


class Decoder:
    """Goes through lines in order. After something that cannot be read it waits for a whole snapshot."""

    def __init__(self) -> None:
        self._told: dict[str, list[Any]] = {}
        self._snapshot: Snapshot | None = None
        self._group = 0
        self._work = 0

    def lose(self) -> None:
        """Forget what is known: something is missing before what comes next."""
        self._told, self._snapshot = {}, None

    def take(self, line: bytes) -> Snapshot | None:
        """The snapshot that this line makes; None for a line of another kind, or a change of what was lost.

        Raises ValueError for a line that is none of ours.
        """
        if not line.startswith((b'{"snapshot":', b'{"change":')):
            return None
        try:
            word, value = parsed(line)
            if word == "snapshot":
                self._group, self._work = len(line), 0
                self._snapshot = self._whole(value)
            elif self._snapshot is not None:
                self._group += len(line)
                self._snapshot = self._changed(self._snapshot, value)
        except (ValueError, TypeError, RecursionError, OverflowError) as error:
            self.lose()
            raise ValueError(str(error)) from error
        return self._snapshot

    def _whole(self, value: Any) -> Snapshot:
        told = shape("snapshot").validate_python(value)
        self._told = {kind: told[kind] for kind in KINDS}
        made = {kind: tuple(_observed(kind, item) for item in told[kind]) for kind in KINDS}
        return Snapshot(
            told["cluster"],
            told["environment"],
            told["taken_at"],
            told["refresh"],
            **made,
            schema=told["schema"],
        )

    def _changed(self, before: Snapshot, value: Any) -> Snapshot:
        if self._group > GROUP_LIMIT:
            raise ValueError(f"more than {GROUP_LIMIT // 2**20} MiB between two whole snapshots")
        told = shape("change").validate_python(value)
        made: dict[str, Any] = {}
        for kind, changes in told["changed"].items():
            if kind not in KINDS:
                raise ValueError("a change of something that is not there")
            targets = list(getattr(before, kind))
            for index, patch in changes.items():
                place = int(index) if index.isascii() and index.isdigit() else len(targets)
                if place >= len(targets):
                    raise ValueError("a change of something that is not there")
                self._told[kind][place] = patched(self._told[kind][place], patch)
                self._work += _weight(self._told[kind][place])
                if self._work > _MOST_WORK:
                    raise ValueError(
                        f"targets of more than {_MOST_WORK // 2**20} MiB change between two whole snapshots"
                    )
                targets[place] = _observed(kind, self._told[kind][place])
            made[kind] = tuple(targets)
        return replace(before, taken_at=told["at"], refresh=told["refresh"], **made)


def _weight(told: Any) -> int:
    """Bytes of its values, by the fastest way there is to go through them; raises ValueError."""
    return len(marshal.dumps(told))


def _observed(kind: str, told: Any) -> Observed[Any]:
    made = observed(kind).validate_python(told)
    refuse_unsound(made)
    return made
