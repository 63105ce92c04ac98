"""The terminal's bytes as keys and pastes: what is none acts as none, and the next key is a key again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._xterm_parser import XTermParser
from textual.message import Message

from bdr_console.ui.terminal.input import TerminalInput

ANSWERS = (
    b"\x1b]11;rgb:1e1e/1e1e/2e2e\x07",
    b"\x1b]52;c;cXF5eXE=\x1b\\",
    b"\x1bP1$r0;1;7q\x1b\\",
    b"\x1bP>|quitterm(380)\x1b\\",
    b"\x1b_Gi=31;OK\x1b\\",
    b"\x1b[?62;1;6;22c",
    b"\x1b[>41;380;0c",
    b"\x1b[?2048;2$y",
    b"\x1b[48;9999;9999;9999;9999t",
    b"\x1b[M !\xff",
    b"\x1b[M\x1b\x1b\x1b",
    b"\x1b[97;1:3u",
    b"\x1b[113;1:3u",
    b"\x1b[1;1:3A",
    b"\x1b[3;5:3~",
    b"\x1b[99999999999999999999u",
    b"\x1b[55296u",
    b"\x1b[1114112u",
    b"\x1b[<99999999;99999999;99999999M",
    b"\x1b[" + b"9" * 5000 + b"u",
    b"\x1b[" + b"1;" * 5000 + b"q",
)
"""What terminals send unasked, and what none should: no key, in whatever pieces it comes."""


class Stream:
    """An input with a clock that the test turns."""

    def __init__(self) -> None:
        self.time = 0.0
        self.input = TerminalInput(lambda: self.time)

    def keys(self, data: bytes) -> list[str]:
        """The keys in `data`."""
        return [found.key for found in self.input.feed(data) if isinstance(found, events.Key)]

    def pause(self, seconds: float = 1.0) -> list[Message]:
        """Let time pass, as the driver does."""
        found: list[Message] = []
        self.time += seconds
        while self.input.wait == 0:
            found += self.input.expire()
        return found


@pytest.fixture
def stream() -> Stream:
    """An input at its beginning."""
    return Stream()


def pasted(messages: list[Message]) -> list[str]:
    """The texts of the pastes among them."""
    return [found.text for found in messages if isinstance(found, events.Paste)]


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
def test_what_is_no_key_presses_none_however_it_is_cut(answer: bytes, stream: Stream) -> None:
    cuts = range(len(answer)) if len(answer) < 100 else (1, 2, 40, len(answer) - 1)
    for cut in cuts:
        assert stream.keys(answer[:cut]) + stream.keys(answer[cut:]) == [], answer[:cut]
        assert stream.keys(b"j") == ["j"], answer[:cut]


@pytest.mark.parametrize(
    ("sequence", "key"),
    [
        (b"\x1b[97;1:1u", "a"),
        (b"\x1b[97;5:2u", "ctrl+a"),
        (b"\x1b[97:65;2;65u", "A"),
        (b"\x1b[1;5:1A", "ctrl+up"),
        (b"\x1bx", "alt+x"),
        ("\x1bö".encode(), "alt+ö"),
        (b"\x1b[[A", "f1"),
        (b"\x1b[23$", "f23"),
    ],
)
def test_a_key_is_pressed_with_whatever_the_terminal_tells_of_it(
    sequence: bytes, key: str, stream: Stream
) -> None:
    assert stream.keys(sequence) == [key]
    for cut in range(1, len(sequence)):
        assert stream.keys(sequence[:cut]) + stream.keys(sequence[cut:]) == [key]


def test_every_sequence_that_textual_knows_is_what_it_is_there(stream: Stream) -> None:
    for sequence, known in ANSI_SEQUENCES_KEYS.items():
        if isinstance(known, tuple) and sequence not in ("\x1b", "\x1b\x1b"):
            expected = [found.key for found in XTermParser().feed(sequence) if isinstance(found, events.Key)]
            assert stream.keys(sequence.encode()) == expected, sequence
    assert [str(found) for found in stream.input.feed(b"\x1b")] == []
    assert [found.key for found in stream.pause() if isinstance(found, events.Key)] == ["escape"]


@pytest.mark.parametrize("byte", [b"\xf6", b"\xe4", b"\xc3", b"\x80", b"\xff"])
def test_a_byte_of_another_encoding_shows_and_takes_no_key_with_it(byte: bytes, stream: Stream) -> None:
    assert stream.keys(byte + b"j") == ["replacement_character", "j"]
    assert stream.keys(byte + b"\x1b[A") == ["replacement_character", "up"]


@pytest.mark.parametrize(
    "begun",
    [b"\x1b[", b"\x1b[2", b"\x1b[M", b"\x1b[Mab", b"\x1bO", b"\x1bP", b"\x1b]0;q", b"\xc3", b"\x1b[200~"],
)
def test_what_breaks_off_gives_the_next_key_back_within_a_second(begun: bytes, stream: Stream) -> None:
    stream.input.feed(begun)
    stream.pause(0.6)
    assert stream.keys(b"j") == ["j"]


def test_the_first_key_after_a_lone_beginning_of_a_paste_is_not_lost(stream: Stream) -> None:
    assert stream.keys(b"\x1b[200~") == []
    assert stream.keys(b"j") == []
    assert [found.key for found in stream.pause(0.6) if isinstance(found, events.Key)] == ["j"]


def test_a_paste_presses_no_key_and_shows_what_it_holds(stream: Stream) -> None:
    whole = b"\x1b[200~a\x1b]0;owned\x07b\x9bq\x00\xe2\x80\xaec\r\nquit\r\x1b[201~"
    expected = "a\\x1b]0;owned\\x07b\\ufffdq\\x00\\u202ec\nquit"
    for cut in range(len(whole)):
        found = stream.input.feed(whole[:cut]) + stream.input.feed(whole[cut:])
        assert pasted(found) == [expected], cut
        assert [type(each) for each in found] == [events.Paste], cut
    assert stream.keys(b"j") == ["j"]


def test_the_rest_of_a_paste_that_a_stalled_link_broke_off_presses_no_key(stream: Stream) -> None:
    stream.input.feed(b"\x1b[200~select 1;\n")
    assert pasted(stream.pause()) == ["select 1;"]
    assert stream.keys(b"y\nq\n" * 20) == []
    assert stream.keys(b"y\nq\n\x1b[201~j") == ["j"]


def test_a_paste_without_end_takes_little_memory(stream: Stream) -> None:
    stream.input.feed(b"\x1b[200~")
    for _ in range(64):
        stream.input.feed(b"x" * 65536)
    (text,) = pasted(stream.pause())
    assert len(text) <= 1 << 20


def test_text_in_bulk_is_a_paste_where_the_terminal_marks_none(stream: Stream) -> None:
    script = b"ssh node1 sudo systemctl stop postgresql\ny\nq\n" * 3
    found = stream.input.feed(script)
    assert "".join(pasted(found)).startswith("ssh node1")
    assert [each for each in found if not isinstance(each, events.Paste)] == []
    assert stream.keys(b"y\n") == []  # what did not fit into one read
    stream.pause(0.3)
    assert stream.keys(b"y") == ["y"]


def test_arrow_keys_held_down_through_a_stall_are_keys(stream: Stream) -> None:
    assert stream.keys(b"\x1b[A" * 300) == ["up"] * 300


@pytest.mark.timeout(180)
def test_after_any_two_bytes_and_a_pause_a_key_is_a_key(stream: Stream) -> None:
    for pair in range(1 << 16):
        stream.input.feed(pair.to_bytes(2))
        stream.pause()
        assert stream.keys(b"j") == ["j"], pair.to_bytes(2)


@given(st.lists(st.binary(max_size=80) | st.sampled_from(ANSWERS).map(lambda answer: answer[:60])))
def test_after_anything_and_a_pause_a_key_is_a_key(pieces: list[bytes]) -> None:
    stream = Stream()
    for piece in pieces:
        for found in stream.input.feed(piece):
            if isinstance(found, events.Key):
                f"{found.key}{found.character}".encode()
    stream.pause()
    stream.pause()
    assert stream.keys(b"j") == ["j"]
