"""Who holds the operators' lock, looked at every few seconds: another operator, here or on another host."""

import asyncio
from typing import TYPE_CHECKING

from bdr_console.cluster.verdict import Level
from bdr_console.crash import as_console_error
from bdr_console.ui.desk import LockDesk, LockHolder

if TYPE_CHECKING:
    from bdr_console.ui.watched import WatchedCluster

_EVERY, _AFTER_TROUBLE = 2.0, 10.0
"""Seconds between two looks."""


class LockSight:
    """Knows the holder, and whether it is somebody else than the run that this console shows."""

    def __init__(self, cluster: "WatchedCluster", desk: LockDesk | None) -> None:
        self._cluster = cluster
        self._desk = desk
        self._holder: LockHolder | None = None

    @property
    def foreign(self) -> LockHolder | None:
        """The holder whose run no journal of this host tells of; None when there is none."""
        holder = self._holder
        if holder is None:
            return None
        word, _, tag = holder.doing.partition(" ")
        return None if word == "run" and self._cluster.runs.knows(tag) else holder

    async def watch(self) -> None:
        """Look for ever."""
        while self._desk is not None:
            pause = _EVERY
            try:
                holder = await self._desk.holder()
            except Exception as error:
                told = as_console_error(error, "looking for the operators' lock")
                self._cluster.note(Level.WARN, "lock", told.problem)
                pause = _AFTER_TROUBLE
            else:
                if holder != self._holder:
                    self._holder = holder
                    self._cluster.changed()
            await asyncio.sleep(pause)

    async def close(self) -> None:
        """Stop looking."""
        if self._desk is not None:
            await self._desk.close()
