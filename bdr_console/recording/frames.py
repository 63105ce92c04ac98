"""The frames of a recording: gzip members that tell their own length, so that a reader can hop over them.

Each is whole by itself. What a killed writer leaves is whole frames and at most one torn at the end. The
extra field of the gzip header (RFC 1952) holds: size of the frame, size of its text, first and last moment,
marks.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntFlag
from typing import BinaryIO

TEXT_LIMIT = 16 * 2**20
"""Bytes of text in one frame; a frame that has more is no frame of ours."""
_SIZE_LIMIT = TEXT_LIMIT + 2**16
_FIXED = b"\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff"
_EXTRA = struct.Struct("<IIqqH")
_OPENING = _FIXED + struct.pack("<H2sH", _EXTRA.size + 4, b"BD", _EXTRA.size)
_HEAD = len(_OPENING) + _EXTRA.size
_TAIL = struct.Struct("<II")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PIECES = (2**12, 2**20)
"""Bytes that are searched at a time, at first and at most."""
_MOST_DAMAGES = 1000
"""Damaged stretches of one file, behind which nothing is looked for: a killed writer leaves one."""


class Mark(IntFlag):
    """What a frame holds, so that it need not be opened to know."""

    KEY = 1
    """It begins with a whole snapshot."""
    EVENTS = 2
    RUNS = 4
    HEADER = 8


_MARKS = tuple(Mark(bits) for bits in range(16))
"""Making them anew for each frame took a third of the time in which a recording is opened."""


class DamagedFrameError(Exception):
    """A frame that cannot be opened, with the reason."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a frame lies in its file and what it covers."""

    offset: int
    size: int
    first: int
    """Milliseconds since 1970, UTC."""
    last: int
    marks: Mark
    length: int
    """Bytes of its text."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A stretch of the file that holds no whole frame."""

    offset: int
    size: int
    torn: bool
    """Whether the file ends within it: a writer was stopped there."""


def milliseconds(moment: datetime) -> int:
    """As frames count time."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


_FIRST, _LAST = (milliseconds(datetime(year, 1, 1, tzinfo=UTC)) for year in (2000, 2199))


def moment_of(count: int) -> datetime:
    """The moment of that many milliseconds."""
    return _EPOCH + timedelta(milliseconds=count)


def packed(text: bytes, first: datetime, last: datetime, marks: Mark) -> bytes:
    """One frame."""
    squeezer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = squeezer.compress(text) + squeezer.flush()
    size = _HEAD + len(body) + _TAIL.size
    extra = _EXTRA.pack(size, len(text), milliseconds(first), milliseconds(last), marks)
    return b"".join((_OPENING, extra, body, _TAIL.pack(zlib.crc32(text), len(text))))


def places(file: BinaryIO) -> Iterator[Place | Damage]:
    """Every frame of a file in order, without opening any."""
    end = os.fstat(file.fileno()).st_size
    at = damaged = 0
    while at < end:
        file.seek(at)
        place = _place(file.read(_HEAD), at)
        if place is not None and at + place.size <= end:
            yield place
            at += place.size
            continue
        damaged += 1
        if damaged > _MOST_DAMAGES:
            yield Damage(at, end - at, torn=False)
            return
        found = _next_opening(file, at + 1, end)
        yield Damage(at, (found or end) - at, torn=found is None)
        at = found or end


def text_of(file: BinaryIO, place: Place) -> bytes:
    """The text of one frame; raises DamagedFrameError."""
    file.seek(place.offset)
    data = file.read(place.size)
    if len(data) < place.size or _place(data[:_HEAD], place.offset) is None:
        raise DamagedFrameError("it is cut short")
    return unpacked(data)


def unpacked(data: bytes) -> bytes:
    """The text of a frame in memory; never more of it than its head says. Raises DamagedFrameError."""
    _, length, *_ = _EXTRA.unpack_from(data, len(_OPENING))
    opener = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        text = opener.decompress(data[_HEAD : -_TAIL.size], min(length, TEXT_LIMIT) + 1)
    except zlib.error as error:
        raise DamagedFrameError("its bytes are not what was written") from error
    if len(text) != length or _TAIL.unpack(data[-_TAIL.size :]) != (zlib.crc32(text), length):
        raise DamagedFrameError("its bytes are not what was written")
    return text


def _place(head: bytes, at: int) -> Place | None:
    if len(head) < _HEAD or not head.startswith(_OPENING):
        return None
    size, length, first, last, marks = _EXTRA.unpack_from(head, len(_OPENING))
    if not _HEAD + _TAIL.size <= size <= _SIZE_LIMIT or length > TEXT_LIMIT or last < first:
        return None
    if first < _FIRST or last >= _LAST:  # a hostile moment may lie outside of what dates can hold
        return None
    return Place(at, size, first, last, _MARKS[marks & 15], length)


def _next_opening(file: BinaryIO, at: int, end: int) -> int | None:
    """Where the next frame begins that lies wholly in the file; None when none does."""
    piece, most = _PIECES
    while at < end:
        file.seek(at)
        data = file.read(piece + _HEAD)
        found = data.find(_OPENING)
        while found >= 0:
            place = _place(data[found : found + _HEAD], at + found)
            if place is not None and place.offset + place.size <= end:
                return place.offset
            if found > piece:
                break
            found = data.find(_OPENING, found + 1)
        at += piece
        piece = min(2 * piece, most)
    return None
