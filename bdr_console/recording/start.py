"""How a recording begins: the frame that says what it is."""

import json
from pathlib import Path
from typing import BinaryIO

from bdr_console.cluster.text import clean
from bdr_console.errors import ConsoleError
from bdr_console.recording.encoder import Encoder, Frame
from bdr_console.recording.frames import DamagedFrameError, Mark, Place, places, text_of
from bdr_console.recording.records import FORMAT, VERSION, Header, header_shape, parsed, refuse_unsound


def header_frame(header: Header) -> Frame:
    """The frame of a header."""
    encoder = Encoder()
    encoder.header(header)
    return encoder.frames()[0]


def header_of(file: BinaryIO, path: Path) -> Header:
    """The header at the beginning of an open file; raises ConsoleError."""
    first = next(places(file), None)
    if not isinstance(first, Place) or first.offset or not first.marks & Mark.HEADER:
        raise ConsoleError(f"{path} is no recording", "bdr-console --record FILE makes one.")
    try:
        line = text_of(file, first).partition(b"\n")[0]
        word, told = parsed(line)
        if word != "header" or not isinstance(told, dict) or told.get("format") != FORMAT:
            raise ConsoleError(f"{path} is no recording", "bdr-console --record FILE makes one.")
        version = told.get("version")
        if isinstance(version, int) and version > VERSION:
            raise ConsoleError(
                f"{path} was written by a newer bdr-console ({clean(told.get('program'), 40)}, "
                f"format {version}; this one reads format {VERSION})",
                "Replay it with that version.",
            )
        header = header_shape().validate_json(json.dumps(told))
        refuse_unsound(header)
    except (DamagedFrameError, ValueError) as error:
        raise ConsoleError(
            f"{path} is damaged where it begins (byte {first.offset}): {clean(_short(error))}",
            "What it recorded of, and how, cannot be told any more.",
        ) from error
    return header


def _short(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
