"""What is done about the alarms of one cluster beside showing them: kept on disk, rung, acknowledged."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta

from bdr_console.cluster.text import clean
from bdr_console.cluster.verdict.alarm import Ack, Alarm, Period
from bdr_console.cluster.verdict.changes import Event
from bdr_console.cluster.verdict.findings import Key, Level
from bdr_console.errors import ConsoleError
from bdr_console.event_store import EventStore, Record
from bdr_console.event_store.acks import BrokenAcksError
from bdr_console.ui.judged_snapshot import Timeline
from bdr_console.ui.terminal.bell import Bell
from bdr_console.ui.workers import in_background

_EVERY = 1.0
_AFTER_TROUBLE = 30.0
"""Seconds between two looks, and until a file that could not be written is tried again."""
_LAST_WORDS = 1.0
"""Seconds that the end of the console waits for its last events to be on disk."""


class AlarmWatch:
    """Carries a timeline's events to disk, acknowledgements both ways, and new alarms to the bell."""

    def __init__(
        self,
        cluster: str,
        timeline: Timeline,
        now: Callable[[], datetime],
        *,
        event_store: EventStore | None = None,
        bell: Bell | None = None,
    ) -> None:
        """Without an event store nothing is kept, without a bell nothing rings."""
        self.event_store = event_store
        self._cluster = cluster
        self._timeline = timeline
        self._now = now
        self._bell = bell
        self._put: dict[Key, Ack] = {}
        self._pending: set[Key] = set()
        self._called = ""
        """What a run wants somebody for, until it has rung."""
        self._trouble = ""
        self._rest_until: datetime | None = None
        self._busy = asyncio.Lock()

    async def watch(self) -> None:
        """For as long as the console lives."""
        while True:
            self.ring()
            await self.keep()
            await asyncio.sleep(_EVERY)

    async def close(self) -> None:
        """Write the last events down, unless the disk hangs."""
        self._rest_until = None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.keep(), _LAST_WORDS)

    # Acknowledging -----------------------------------------------------------------------------------

    def acknowledge(self, alarms: tuple[Alarm, ...], reason: str, period: Period) -> None:
        """Somebody at this console knows of these alarms."""
        now, who = self._now(), self.event_store.who if self.event_store else "this console"
        until = now + period.lasts if period.lasts else None
        for alarm in alarms:
            ack = Ack(alarm.key, alarm.finding.level, who, clean(reason, 200), now, until)
            self._put[ack.key] = ack
            self._timeline.note([self._timeline.board.acknowledge(ack)])

    def withdraw(self, alarm: Alarm) -> bool:
        """Take an acknowledgement back; whether there was one."""
        who = self.event_store.who if self.event_store else "this console"
        event = self._timeline.board.withdraw(alarm.key, who, self._now())
        self._put.pop(alarm.key, None)
        if event is not None:
            self._timeline.note([event])
        return event is not None

    # Ringing -----------------------------------------------------------------------------------------

    def call(self, text: str) -> None:
        """A run wants somebody: ring, now or as soon as the bell may, if this console rings at all."""
        self._called = text
        self.ring()

    def ring(self) -> None:
        """Ring for what is new, unless it is over or acknowledged by now."""
        if self._called and (self._bell is None or self._bell.is_due):
            if self._bell is not None:
                self._bell.ring(f"{self._cluster} RUN: {self._called}")
            self._called = ""
        self._pending |= self._timeline.ringing
        self._timeline.ringing.clear()
        bell = self._bell
        if bell is None or not self._pending:
            self._pending.clear()
            return
        new = [
            alarm
            for alarm in self._timeline.board.at(self._now())
            if alarm.key in self._pending and alarm.ack is None and alarm.finding.level >= bell.how.level
        ]
        if not new:
            self._pending.clear()
        elif bell.is_due:
            self._pending.clear()
            worst, count = new[0], f"{len(new)} alarms, the worst: " if len(new) > 1 else ""
            word = worst.finding.level.word
            bell.ring(f"{self._cluster} {word}: {count}{worst.finding.subject}: {worst.text}")

    # Keeping -----------------------------------------------------------------------------------------

    async def keep(self) -> None:
        """Bring disk and board to the same state; what goes wrong costs one line on the screen."""
        event_store = self.event_store
        if event_store is None:
            self._timeline.unsaved.clear()
            return
        now = self._now()
        if self._rest_until is not None and now < self._rest_until:
            return
        async with self._busy:
            try:
                await self._keep_acks(event_store)
                await self._keep_events(event_store)
            except BrokenAcksError as error:
                self._put = {**self._timeline.board.acks, **self._put}  # what is known here is written anew
                self._say(now, f"the acknowledgements on disk could not be read: kept as {error}", again=True)
            except (OSError, ConsoleError) as error:
                said = error.problem if isinstance(error, ConsoleError) else error.strerror or error
                self._say(now, f"events and acknowledgements are not kept on disk: {clean(said, 200)}")
                self._rest_until = now + timedelta(seconds=_AFTER_TROUBLE)
            else:
                self._rest_until = None
                if self._trouble:
                    self._trouble = ""
                    self._timeline.note([Event(now, Level.OK, "console", "events are kept on disk again")])

    async def _keep_acks(self, event_store: EventStore) -> None:
        board = self._timeline.board
        put, ended = dict(self._put), set(board.ended)
        if put or ended:
            await in_background(lambda: event_store.acks.write(put, ended - put.keys()))
            self._put = {key: ack for key, ack in self._put.items() if put.get(key) != ack}
            board.ended -= ended
        changed = await in_background(event_store.acks.changed)
        if changed is not None:
            kept = {key: ack for key, ack in changed.items() if key not in board.ended}
            board.acks = kept | self._put

    async def _keep_events(self, event_store: EventStore) -> None:
        events = tuple(self._timeline.unsaved)
        if not events:
            return
        records = [Record(event, event_store.by) for event in events]
        await in_background(lambda: event_store.log.append(records))
        for event in events:
            if self._timeline.unsaved and self._timeline.unsaved[0] is event:
                self._timeline.unsaved.popleft()

    def _say(self, now: datetime, trouble: str, *, again: bool = False) -> None:
        """Once for each trouble, however often it is met."""
        if trouble != self._trouble:
            self._timeline.note([Event(now, Level.WARN, "console", trouble)])
        self._trouble = "" if again else trouble
