"""Every byte, every two of them and mangled sequences, through a terminal: the console lives and answers."""

import itertools
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_crash import reports
from tests.ui.test_terminal import CONFIG, Terminal, terminal
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(240)

OUT_OF_REACH = """
keys:
  quit: f12
  command: f11
  palette: f10
  suspend: f9
  save: f8
  write: f7
  details-write: f7
"""
"""What ends the console, stops it or writes files is on keys that no two bytes press."""
SEQUENCES = (
    b"\x1b[97;1:3u",  # kitty: release, repeat, alternatives with text
    b"\x1b[97;5:2u",
    b"\x1b[97:65;2;65:66u",
    b"\x1b[57441;2:1u",
    b"\x1b[1;1:3A",
    b"\x1b[M \xff0",  # X10
    b"\x1b[M#\x21\x80",
    b"\x1b[<0;20;5M",  # SGR: press, release, move, drag, wheel, far outside
    b"\x1b[<0;20;5m",
    b"\x1b[<35;70;20M",
    b"\x1b[<32;3;3M",
    b"\x1b[<64;10;10M",
    b"\x1b[<2;99999;99999M",
    b"\x1b[<999;-5;0M",
    b"\x1b[32;20;5M",  # urxvt
    b"\x1b[O",  # focus
    b"\x1b[I",
    b"\x1b]11;rgb:0000/ffff/0000\x1b\\",
    b"\x1b]52;c;cXF5eXE=\x07",
    b"\x1bP1$r0;1;7q\x1b\\",
    b"\x1bP>|XTerm(380)\x1b\\",
    b"\x1b_Gi=1;OK\x1b\\",
    b"\x1b[200~select '[/]' \x1b]0;owned\x07 \xff\xfe\n\x1b[201~",
    b"\x1b[200~\x1b[201~",
    b"\x1b[48;0;0;0;0t",
    b"\x1b[48;9999;9999;9999;9999t",
    b"\x1b[?2048;1$y",
    b"\x1b[?2026;2$y",
    b"\x1b[9999;9999R",
    b"\x1b[55296u",
    b"\x1b[99999999999u",
)
ESCAPE, COMMAND, QUIT = b"\x1b[27u", b"\x1b[23~", b"\x1b[24~"


class Answers:
    """Finds out whether the console answers: a word that was never typed before must come back."""

    def __init__(self, shown: Terminal) -> None:
        self._shown = shown
        self._numbers = itertools.count()

    def within(self) -> float:
        """Seconds until the word is on the screen; fails when it does not come.

        Tried again and again: a paste that was begun and not ended takes what follows at once for its text,
        and what comes before the line has opened is typed into nothing.
        """
        word = b"probe-%04d" % next(self._numbers)
        began = time.monotonic()
        self._shown.out = b""

        def echoed() -> bool:
            assert self._shown.process.poll() is None, self._shown.out[-2000:]
            os.write(self._shown.master, ESCAPE * 6 + COMMAND)
            for _ in range(3):
                self._read_all()
                os.write(self._shown.master, b"\x1b[200~" + word + b"\x1b[201~")
                self._read_all()
                if word in self._shown.out:
                    return True
            return False

        wait_until(echoed, lambda: f"an answer on the screen: {self._shown.out[-2000:]!r}")
        taken = time.monotonic() - began
        os.write(self._shown.master, ESCAPE)
        return taken

    def _read_all(self) -> None:
        """Until nothing comes for a moment: a console whose terminal is not read leaves pictures out."""
        while self._shown._read(0.1):
            pass


def feed(shown: Terminal, data: bytes, *, at_once: int) -> None:
    """Type `data`, reading what comes meanwhile: neither side may wait for the other."""
    for start in range(0, len(data), at_once):
        os.write(shown.master, data[start : start + at_once])
        while shown._read(0):
            shown.out = b""


def mangled() -> Iterator[bytes]:
    """Every sequence, cut off at every place, and with one byte another one."""
    chance = random.Random(4711)  # noqa: S311 - the same ones every time
    for sequence in SEQUENCES:
        yield sequence
        for cut in range(1, len(sequence)):
            yield sequence[:cut]
            yield sequence[:cut] + bytes([chance.randrange(256)]) + sequence[cut + 1 :]


def test_a_console_lives_through_every_byte_and_pair_and_mangled_sequence(tmp_path: Path) -> None:
    with terminal(tmp_path, "--read-only", config=CONFIG + OUT_OF_REACH) as shown:
        shown.read_until(b"CRITICAL")
        answers = Answers(shown)
        usual = min(answers.within() for _ in range(3))  # on a machine that other tests keep busy
        for start in range(0, 256, 32):  # as keys: so few are no paste
            feed(shown, bytes(range(start, start + 32)), at_once=1)
            answers.within()
        for first in range(256):  # as pastes, and what is between them
            feed(shown, b"".join(bytes([first, second]) for second in range(256)), at_once=4096)
            if first % 32 == 31:
                answers.within()
        pieces = list(mangled())
        chance = random.Random(815)  # noqa: S311
        for order in (pieces, chance.sample(pieces, len(pieces))):
            for start in range(0, len(order), 100):
                for piece in order[start : start + 100]:
                    feed(shown, piece, at_once=len(piece))
                answers.within()
        assert min(answers.within() for _ in range(8)) < max(1.0, 3 * usual)

        def left() -> bool:
            os.write(shown.master, QUIT)  # the first may come while the line closes
            while shown._read(0.1):
                pass
            return shown.process.poll() is not None

        wait_until(left, "the end that the key asks for")
        assert shown.process.returncode == 0
    assert reports(tmp_path) == []


def test_hostile_text_pasted_into_a_line_is_shown_and_does_nothing(tmp_path: Path) -> None:
    with terminal(tmp_path, "--read-only") as shown:
        shown.read_until(b"CRITICAL")
        os.write(shown.master, b"/")
        paste = b"\x1b[200~\x1b]0;owned\x07[/]\xff\x9b31m\xe2\x80\xaeq\nq\x1b[201~"

        def echoed() -> bool:
            os.write(shown.master, paste)  # what comes before the line has opened is typed into nothing
            while shown._read(0.1):
                pass
            return b"owned" in shown.out

        wait_until(echoed, lambda: f"the pasted text on the screen: {shown.out[-2000:]!r}")
        assert b"\\x1b]0;owned" in shown.out
        assert b"\x1b]0;owned" not in shown.out
        assert "\u202e".encode() not in shown.out
        assert shown.process.poll() is None
    assert reports(tmp_path) == []
