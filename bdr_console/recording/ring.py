"""The last minutes of a cluster in memory, to be saved after something has happened."""

from collections import deque
from datetime import timedelta

from bdr_console.recording.encoder import Frame
from bdr_console.recording.frames import Mark


class Ring:
    """Keeps the frames of the last `minutes`, and no more than `limit` bytes of them.

    Whole groups go: what is left begins with a whole snapshot.
    """

    def __init__(self, minutes: float, limit: int) -> None:
        self._span = timedelta(minutes=minutes)
        self._limit = limit
        self._groups: deque[list[Frame]] = deque()
        self.size = 0
        """Bytes held."""

    @property
    def wants_whole(self) -> bool:
        """Whether one group alone has come near the limit."""
        return bool(self._groups) and sum(len(frame.data) for frame in self._groups[-1]) > self._limit // 4

    def add(self, frame: Frame) -> None:
        """Keep one more frame, and let go of what is too old or too much."""
        if frame.marks & Mark.KEY or not self._groups:
            self._groups.append([])
        self._groups[-1].append(frame)
        self.size += len(frame.data)
        while len(self._groups) > 1 and (
            self.size > self._limit or self._groups[1][0].first < frame.last - self._span
        ):
            self.size -= sum(len(gone.data) for gone in self._groups.popleft())

    def frames(self) -> tuple[Frame, ...]:
        """What is held, oldest first."""
        return tuple(frame for group in self._groups for frame in group)
