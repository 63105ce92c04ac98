"""The terminal's bytes as keys, mouse events and pastes. None can end the console, or act as what it is not.

Textual's parser gets whole sequences only, one at a time. One that it does not know is passed over: Textual
would hand on its characters as keys, and the answer of a terminal to a question nobody asked would be typed
into the console. One that it fails on is lost, and nothing else.
"""

import re
from codecs import getincrementaldecoder
from collections.abc import Callable
from enum import Enum, auto
from time import monotonic

from textual import constants, events
from textual._xterm_parser import XTermParser
from textual.message import Message

from bdr_console.cluster.text import clean

_ESC = 0x1B
_SEQUENCE = re.compile(
    rb"""\x1b(?:
        \[M[\x00-\xff]{3}                               # X10 mouse report: three bytes of any value
      | \[\[[\x40-\x7e]                                 # function keys of the Linux console
      | \[[0-9]+\$(?=[^\x20-\x7e]|\Z)                   # rxvt with shift; an intermediate byte elsewhere
      | \[(?!M|\[)[\x30-\x3f]*[\x20-\x2f]*[\x40-\x7e]   # CSI
      | O[0-9]?[\x40-\x7e\x20]                          # SS3
      | [\xc2-\xdf][\x80-\xbf]                          # alt and one character
      | [\xe0-\xef][\x80-\xbf]{2}
      | [\xf0-\xf4][\x80-\xbf]{3}
      | [\x00-\x1a\x1c-\x4e\x51-\x57\x59\x5a\x5c\x60-\x7f]
    )""",
    re.VERBOSE,
)
_BEGUN = re.compile(
    rb"""\x1b(?:
        \[M[\x00-\xff]{0,2} | \[\[ | \[[\x30-\x3f]*[\x20-\x2f]* | O[0-9]?
      | [\xc2-\xdf] | [\xe0-\xef][\x80-\xbf]? | [\xf0-\xf4][\x80-\xbf]{0,2}
    )?""",
    re.VERBOSE,
)
"""A sequence whose end has not come yet."""
_STRING = re.compile(rb"\x1b[\x50\x58\x5d\x5e\x5f]")
"""The beginning of DCS, SOS, OSC, PM and APC: an answer or an order of any length, up to BEL or ST."""
_CONTROL = re.compile(rb"[\x00-\x1f]")
_ALT = re.compile(r"\x1b[^\x1b]")
_PASTE, _PASTE_END = b"\x1b[200~", b"\x1b[201~"

_LONGEST = 32
"""Bytes of a sequence: Textual's parser takes the characters of a longer one for keys."""
_LARGE_NUMBER = re.compile(rb"[0-9]{8}")
"""No code point, coordinate or modifier has so many digits."""
_KEY = re.compile(rb"\x1b\[(\d*)(?::[\d:]*)?(?:;(\d*)(?::(\d*))?)?((?:;[\d:]*)?)([u~ABCDEFHPQRS])")
"""A key of the kitty protocol: code with alternatives; modifiers with the event's type; text."""
_RELEASED = b"3"

_STRING_PAUSE = 0.3
"""Seconds of silence after which a string is taken for broken off."""
_PASTE_PAUSE = 0.5
_PASTE_LIMIT = 1 << 20
"""Bytes kept of one paste."""
_TYPED = 64
"""Bytes; a hand does not type more at once, not even while a link stalls."""
_BULK_PAUSE = 0.2
"""Seconds after text in bulk in which more text is the rest of it."""


class _Kind(Enum):
    TEXT = auto()
    SEQUENCE = auto()
    PASTE = auto()


class TerminalInput:
    """Takes what is read from the terminal, and gives the messages that it means."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._parser = XTermParser()
        self._text = getincrementaldecoder("utf-8")("replace")
        self._half = False
        """Whether a character of several bytes has begun."""
        self._rest = b""
        """A sequence that has begun, or within a paste what may be the beginning of its end."""
        self._string: bytes | None = None
        """The introducer of the string that passes, empty once something of it has come."""
        self._paste: bytearray | None = None
        self._bulk_until = float("-inf")
        self._due: float | None = None

    @property
    def wait(self) -> float | None:
        """Seconds until `expire` is due, if what has begun does not go on; None when nothing has."""
        return None if self._due is None else max(0.0, self._due - self._clock())

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are whole with `data`. Never raises."""
        found: list[Message] = []
        if self._half and data[:1] == b"\x1b":
            found += self._text_of(b"", final=True)
        parts = self._parts(self._rest + data)
        now = self._clock()
        if sum(len(text) for kind, text in parts if kind is _Kind.TEXT) > _TYPED:
            self._bulk_until = now + _BULK_PAUSE
        bulk = now < self._bulk_until
        for place, (kind, part) in enumerate(parts, start=1):
            if kind is _Kind.TEXT:
                ended = place < len(parts) or self._rest != b""
                found += self._text_of(part, final=ended, bulk=bulk)
            elif kind is _Kind.SEQUENCE:
                found += self._sequence(part)
            else:
                found += _pasted(part)
        pause = self._pause()
        self._due = None if pause is None else now + pause
        return found

    def expire(self) -> list[Message]:
        """The messages of what had begun and did not go on in time. Never raises."""
        if self._due is None or self._clock() < self._due:
            return []
        self._due = None
        rest, self._rest = self._rest, b""
        if self._paste is not None:
            pasted, self._paste = bytes(self._paste) + rest, None
            # Who pastes sends it all; one byte after a lone beginning is a key.
            return self.feed(pasted) if len(pasted) == 1 else _pasted(pasted)
        if self._string is not None:
            introducer, self._string = self._string, None
            return self._sequence(introducer + rest) if introducer else []
        if rest:
            return self._sequence(rest)
        return self._text_of(b"", final=True)

    def _pause(self) -> float | None:
        if self._paste is not None:
            return _PASTE_PAUSE
        if self._string is not None:
            return constants.ESCAPE_DELAY if self._string else _STRING_PAUSE
        return constants.ESCAPE_DELAY if self._rest or self._half else None

    # Parts -------------------------------------------------------------------------------------------

    def _parts(self, data: bytes) -> list[tuple["_Kind", bytes]]:
        """Split `data`; what has begun at its end is kept for the next."""
        self._rest = b""
        if self._paste is None and _ends_paste(data):
            self._paste = bytearray()  # the rest of one that broke off: no keys
        parts: list[tuple[_Kind, bytes]] = []
        while data:
            if self._paste is not None:
                data = self._take_paste(self._paste, data, parts)
            elif self._string is not None:
                data = self._skip_string(data)
            elif data[0] == _ESC:
                data = self._take_sequence(data, parts)
            else:
                end = data.find(_ESC)
                text, data = (data, b"") if end < 0 else (data[:end], data[end:])
                parts.append((_Kind.TEXT, text))
        return parts

    def _take_paste(self, paste: bytearray, data: bytes, parts: list[tuple["_Kind", bytes]]) -> bytes:
        text, end, after = data.partition(_PASTE_END)
        if end:
            self._paste, self._bulk_until = None, float("-inf")
            parts.append((_Kind.PASTE, bytes(paste) + text))
            return after
        kept = next((n for n in range(len(_PASTE_END) - 1, 0, -1) if data.endswith(_PASTE_END[:n])), 0)
        text, self._rest = data[: len(data) - kept], data[len(data) - kept :]
        paste += text[: _PASTE_LIMIT - len(paste)]
        return b""

    def _skip_string(self, data: bytes) -> bytes:
        """What comes after the string; control characters end it too, they never are in one."""
        control = _CONTROL.search(data)
        if control is None:
            self._string = b""
            return b""
        place, rest = control.start(), data[control.start() :]
        if place:
            self._string = b""
        if rest == b"\x1b":
            self._rest = rest  # of ST, perhaps
            return b""
        self._string = None
        if rest.startswith(b"\x1b\\"):
            return rest[2:]
        return rest[1:] if rest.startswith(b"\x07") else rest

    def _take_sequence(self, data: bytes, parts: list[tuple["_Kind", bytes]]) -> bytes:
        if string := _STRING.match(data):
            self._string = string[0]
            return data[string.end() :]
        if whole := _SEQUENCE.match(data):
            if whole[0] == _PASTE:
                self._paste = bytearray()
            elif whole[0] != _PASTE_END:
                parts.append((_Kind.SEQUENCE, whole[0]))
            return data[whole.end() :]
        end = begun.end() if (begun := _BEGUN.match(data)) else 1
        if end == len(data):
            self._rest = data
            return b""
        if end == 1:  # twice ESC, or ESC and a byte that begins no character
            parts.append((_Kind.SEQUENCE, b"\x1b"))
        return data[end:]

    # What the parts mean -----------------------------------------------------------------------------

    def _sequence(self, sequence: bytes) -> list[Message]:
        """What a whole sequence means; nothing for one that is not known, or too large to be true."""
        if sequence == b"\x1b":
            return [events.Key("escape", "\x1b")]
        plain = _as_pressed(sequence)
        if plain is None or len(plain) > _LONGEST or _LARGE_NUMBER.search(plain):
            return []
        text = plain.decode("utf-8", "replace")
        try:
            if text.startswith("\x1b[48;") and text.endswith("t"):
                return []  # the size comes from the system, whatever the terminal says of it
            too_early = [*self._parser.feed(text[:-1])]
            found = [*self._parser.feed(text[-1])]
            if self._parser._awaiting.timeout is None and not too_early:
                return [message for message in found if _is_writable(message)]
            self._parser = self._another_parser()
            if _ALT.fullmatch(text):
                return [*self._parser._sequence_to_key_events(text[1], alt=True)]
        except Exception:  # whatever it is, it is this sequence's
            self._parser = self._another_parser()
        return []

    def _another_parser(self) -> XTermParser:
        parser = XTermParser()
        parser.last_x, parser.last_y = self._parser.last_x, self._parser.last_y
        return parser

    def _text_of(self, data: bytes, *, final: bool, bulk: bool = False) -> list[Message]:
        """Keys, or in bulk a paste. A byte that is none of UTF-8 is a replacement character: it shows where
        text is typed."""
        text = self._text.decode(data, final)
        self._half = bool(self._text.getstate()[0])
        if bulk:
            return _paste_of(text)
        found: list[Message] = []
        for character in text:
            try:
                found += self._parser.feed(character)
            except Exception:
                self._parser = self._another_parser()
        return found


def _ends_paste(data: bytes) -> bool:
    """Whether a paste ends in `data` that did not begin in it."""
    end, begin = data.find(_PASTE_END), data.find(_PASTE)
    return end >= 0 and (begin < 0 or end < begin)


def _as_pressed(sequence: bytes) -> bytes | None:
    """A key without its alternatives and the type of its event; None for the release of a key."""
    key = _KEY.fullmatch(sequence)
    if key is None or b":" not in sequence:
        return sequence
    code, modifiers, event, text, end = key.groups()
    if event == _RELEASED:
        return None
    return b"\x1b[" + code + (b"" if modifiers is None else b";" + modifiers) + text + end


def _is_writable(message: Message) -> bool:
    """Whether a key's character can be sent to a terminal again: half of a surrogate pair cannot."""
    if not isinstance(message, events.Key):
        return True
    try:
        f"{message.key}{message.character}".encode()
    except UnicodeEncodeError:
        return False
    return True


def _pasted(data: bytes) -> list[Message]:
    return _paste_of(data.decode("utf-8", "replace"))


def _paste_of(text: str) -> list[Message]:
    """Pasted text, made safe as all text from outside."""
    lines = [clean(line) for line in text.splitlines()]
    return [events.Paste("\n".join(lines))] if lines else []
