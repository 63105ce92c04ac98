"""The file that a recording is written to: append-only, private, bounded, one writer at a time."""

import contextlib
import fcntl
import os
from pathlib import Path

from bdr_console.errors import ConsoleError
from bdr_console.paths import open_private
from bdr_console.recording.encoder import Frame
from bdr_console.recording.frames import Mark, Place, places
from bdr_console.recording.records import Header
from bdr_console.recording.start import header_frame, header_of

SMALLEST_LIMIT = 2**20


def older_part(path: Path) -> Path:
    """Where the older half of a recording is, once there is one."""
    return path.with_name(path.name + ".1")


class RecordingFile:
    """Takes frames. Past half of the limit the file becomes its own older part (FILE.1) and a new one begins:
    the newest half of the limit is there at any time, and the oldest goes."""

    def __init__(self, path: Path, limit: int, header: Header) -> None:
        """Open it, or go on with a recording of the same cluster that is there. Raises ConsoleError."""
        if limit < SMALLEST_LIMIT:
            raise ConsoleError(f"a recording of at most {limit} bytes is too small", "Give it 1MiB at least.")
        self.path = path
        self._limit = limit
        self._header = header
        self._size = 0
        self._file = -1
        try:
            self._open()
        except OSError as error:
            raise ConsoleError(
                f"cannot record to {path}: {error.strerror}", "Name a file in a directory of yours."
            ) from error

    @property
    def wants_whole(self) -> bool:
        """Whether the next frame should begin with a whole snapshot: there is no more room in this part."""
        return self._size >= self._limit // 2

    def write(self, frame: Frame) -> None:
        """Append one frame. Raises OSError; what was written before is whole then."""
        if self._file < 0:
            self._open()
        if frame.marks & Mark.KEY and self._size + len(frame.data) > self._limit // 2:
            self._turn_over()
        self._append(frame.data)

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _append(self, data: bytes) -> None:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise
        self._size += len(data)

    def _turn_over(self) -> None:
        self.path.replace(older_part(self.path))
        self.close()
        self._open()

    def _open(self) -> None:
        file = open_private(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        try:
            self._size = self._claimed(file)
        except BaseException:
            os.close(file)
            raise
        self._file = file
        self._append(header_frame(self._header).data)

    def _claimed(self, file: int) -> int:
        """The bytes that are whole in it; a torn end is cut off. Raises ConsoleError: it is not for us."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConsoleError(
                f"another console is recording to {self.path}", "Name another file."
            ) from error
        if os.fstat(file).st_size == 0:
            return 0
        with os.fdopen(os.dup(file), "rb") as reading:
            found = header_of(reading, self.path)
            whole = max((p.offset + p.size for p in places(reading) if isinstance(p, Place)), default=0)
        if found.cluster != self._header.cluster:
            raise ConsoleError(
                f"{self.path} is a recording of cluster '{found.cluster}', not of '{self._header.cluster}'",
                "Name another file.",
            )
        os.fchmod(file, 0o600)
        os.ftruncate(file, whole)
        return whole
