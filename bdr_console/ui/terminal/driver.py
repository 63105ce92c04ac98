"""The terminal's driver: patient with a terminal that is not read, and with whatever a terminal sends.

Textual's own waits for the terminal, and everything in the event loop waits with it: a stalled SSH link would
stop the readings of the cluster. `_writer_thread` and its `_queue` are private to Textual: they are touched
here only, and Textual is pinned for it.
"""

import contextlib
import os
import queue
import selectors

from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message
from textual.widget import Widget

from bdr_console import crash
from bdr_console.ui.terminal.input import TerminalInput

_AT_ONCE = 4096
"""Bytes read at once."""
_LOOK = 0.1
"""Seconds between two looks whether the input is over."""
_GRACE = 2.0
"""Seconds that the last words get on the way out, in all."""


class PatientDriver(LinuxDriver):
    """Leaves frames out while the terminal takes none, and paints everything anew once it does."""

    behind = False
    """Whether frames were left out since the last full picture."""
    stuck = False
    """Whether the terminal did not even take the last words."""
    _leaving = False

    def write(self, data: str) -> None:
        """Hand `data` to the thread that writes, or leave it out; one call is a whole frame or sequence."""
        writer = self._writer_thread
        if writer is None:
            return  # suspended, or over
        waiting = writer._queue
        if self._leaving:
            with contextlib.suppress(queue.Full):
                waiting.put(data, timeout=0.1)
        elif self.behind and not waiting.empty():
            return
        elif waiting.full():
            self.behind = True
        else:
            waiting.put(data)
            if self.behind:
                self.behind = False
                self._app.call_later(self._paint_all)

    def run_input_thread(self) -> None:
        """Hand on what the terminal sends, until the driver stops; an error costs the bytes at hand."""
        stream = TerminalInput()
        with selectors.DefaultSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                wait = _LOOK if stream.wait is None else min(_LOOK, stream.wait)
                try:
                    self._read(stream) if selector.select(wait) else self._hand_on(stream.expire())
                except Exception as error:
                    crash.write_report(error)
                    self.exit_event.wait(_LOOK)

    def _read(self, stream: TerminalInput) -> None:
        try:
            data = os.read(self.fileno, _AT_ONCE)
        except OSError:
            data = b""
        if not data:  # hung up: the console is about to end by it, and must not spin until then
            self.exit_event.wait(_LOOK)
        self._hand_on(stream.feed(data))

    def _hand_on(self, messages: list[Message]) -> None:
        for message in messages:
            self.process_message(message)

    def _query_in_band_window_resize(self) -> None:
        """Nothing: the size comes from the system, and a terminal's word for it could be any number."""

    def _paint_all(self) -> None:
        """Have every widget sent again: the terminal's picture is another one than Textual believes."""
        for node in self._app.screen.walk_children(Widget, with_self=True):
            node.refresh()

    def start_application_mode(self) -> None:
        """Take the terminal, at the start and after a suspension."""
        again, self._leaving = self._leaving, False
        self.behind = self.stuck = False
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if again:
            self._app.call_later(self._paint_all)

    def stop_application_mode(self) -> None:
        """Give the terminal back."""
        self._leaving = True
        super().stop_application_mode()

    def close(self) -> None:
        """Wait for the last words to be written, and not for ever."""
        writer, self._writer_thread = self._writer_thread, None
        if writer is not None:
            with contextlib.suppress(queue.Full):
                writer._queue.put(None, timeout=_GRACE)
            writer.join(_GRACE)
            self.stuck = writer.is_alive()
